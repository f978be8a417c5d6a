// Keeps web pages from using the server through the browser of somebody who can reach it. A page
// cannot sign, so with --auth verify its requests come to nothing, but for the server's own paths
// (/_tidemill/metrics), which are under these rules in both modes; with --auth any nothing but
// these rules stands before it: a foreign Host (DNS rebinding) or Origin is refused, and
// credentials of some kind must be there, which a form cannot send.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "wire/http.h"

namespace tidemill::server {

struct CallerRulesOptions {
  bool any_credentials = false;  // --auth any
  // Besides IP addresses, localhost, *.localhost and AWS's own names: names of this server, and
  // what the settings allowed-hosts and allowed-origins say. "*.name" stands for all below it, "*"
  // for all.
  std::vector<std::string> own_hosts = {};
  std::vector<std::string> allowed_hosts = {};
  std::vector<std::string> allowed_origins = {};  // "http://localhost:3000"
};

// What a request that the rules would refuse is let through for; the list is in caller_rules.cc.
struct CallerException {
  std::string_view name;
  // Also under a name that is not ours, where whoever pointed it here reads the answer.
  bool any_host;
  bool (*holds)(const wire::HttpRequest& request, const CallerRulesOptions& options);
};

class CallerRules {
 public:
  explicit CallerRules(CallerRulesOptions options = {});

  // Why the request is refused, with HTTP status 403.
  std::optional<Error> refusal(const wire::HttpRequest& request) const;
  // The answer to a browser that asks beforehand (CORS preflight) for a page that is allowed.
  std::optional<wire::HttpResponse> preflight(const wire::HttpRequest& request) const;
  // Lets a page that is allowed read the answer.
  void add_headers(std::string_view origin, wire::HttpResponse& response) const;
  bool allows_origin(std::string_view origin) const;
  // Of a Host field, with or without a port: an IP address, this machine, AWS's, or one of the
  // options.
  bool is_own_host(std::string_view host) const;

 private:
  bool is_foreign_page(const wire::HttpRequest& request) const;

  CallerRulesOptions options_;
};

// "a, b" of a setting, in lower case.
std::vector<std::string> split_names(std::string_view text);

}  // namespace tidemill::server
