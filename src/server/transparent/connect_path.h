// CONNECT: this server answers for AWS's host names itself and opens tunnels to other hosts.
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
  // Whether jobs in their own networks also get them.
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

// The answer to a misdirected request: its CONNECT was for another host, or it was sent as to a
// plain http proxy, which this server is not. The server also answers for `callers`'s own hosts in
// that form. nullopt for all other requests.
std::optional<wire::HttpResponse> misdirected(const wire::HttpRequest& request,
                                              const CallerRules& callers);

}  // namespace tidemill::server
