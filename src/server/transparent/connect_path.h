// CONNECT: AWS's host names are answered by this server itself, other hosts are tunnelled to.
#pragma once

#include <optional>

#include "server/caller_rules.h"
#include "wire/http.h"
#include "wire/proxy/local_authority.h"
#include "wire/proxy/tunnels.h"

namespace tidemill::server {

struct ConnectOptions {
  // Whether callers on this machine get tunnels to hosts that are not AWS's.
  bool tunnels_for_loopback = true;
  // Whether jobs in networks of their own get them, too.
  bool tunnels_for_jobs = false;
};

// Thread-safe.
class ConnectPath {
 public:
  // Borrowed arguments must outlive this object.
  ConnectPath(wire::LocalAuthority& authority, wire::Tunnels& tunnels, ConnectOptions options)
      : authority_(authority), tunnels_(tunnels), options_(options) {}

  static bool takes(const wire::HttpRequest& request) { return request.method == "CONNECT"; }
  // On an event loop's thread.
  void handle(const wire::HttpRequest& request, wire::HttpHandler::Respond respond);

 private:
  wire::LocalAuthority& authority_;
  wire::Tunnels& tunnels_;
  const ConnectOptions options_;
};

// The answer to a request that came here by mistake: through CONNECT to one host but meant for
// another, or as to a proxy for plain http that there is none of. Hosts of `callers`'s own are
// answered in that form, too. nullopt for all others.
std::optional<wire::HttpResponse> misdirected(const wire::HttpRequest& request,
                                              const CallerRules& callers);

}  // namespace tidemill::server
