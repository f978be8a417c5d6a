// Keeps web pages from using the server through the browser of somebody who can reach it. A page
// cannot sign, so with --auth verify its requests fail, except for the server's own paths
// (/_tidemill/metrics), to which these rules apply in both modes. With --auth any these rules are
// the only protection: a foreign Host (DNS rebinding) or Origin is refused, and the request must
// carry some credentials, which a form cannot send.
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
  // Names of this server besides IP addresses, localhost, *.localhost and AWS's own names, and
  // those of the settings allowed-hosts and allowed-origins. "*.name" stands for all names below
  // it, "*" for every name.
  std::vector<std::string> own_hosts = {};
  std::vector<std::string> allowed_hosts = {};
  std::vector<std::string> allowed_origins = {};  // "http://localhost:3000"
};

// A reason to accept a request that the rules would refuse; the list is in caller_rules.cc.
struct CallerException {
  std::string_view name;
  // Also accepted under a foreign name, whose owner could then read the answer.
  bool any_host;
  bool (*holds)(const wire::HttpRequest& request, const CallerRulesOptions& options);
};

class CallerRules {
 public:
  explicit CallerRules(CallerRulesOptions options = {});

  // The reason why the request is refused, with HTTP status 403; nullopt when it is allowed.
  std::optional<Error> refusal(const wire::HttpRequest& request) const;
  // The answer to a CORS preflight request of a browser for an allowed page.
  std::optional<wire::HttpResponse> preflight(const wire::HttpRequest& request) const;
  // Adds the headers that let an allowed page read the answer.
  void add_headers(std::string_view origin, wire::HttpResponse& response) const;
  bool allows_origin(std::string_view origin) const;
  // Whether a Host field, with or without a port, names an IP address, this machine, AWS, or one of
  // the options' names.
  bool is_own_host(std::string_view host) const;

 private:
  bool is_foreign_page(const wire::HttpRequest& request) const;

  CallerRulesOptions options_;
};

// Splits a setting "a, b" into its names, in lower case.
std::vector<std::string> split_names(std::string_view text);

}  // namespace tidemill::server
