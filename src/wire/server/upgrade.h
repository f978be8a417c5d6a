// The new protocol of a connection after the answer to a CONNECT request.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "wire/http_socket.h"

namespace tidemill::wire {

class TlsContext;

struct Upgrade {
  // If set, TLS begins with this certificate, and HTTP continues inside: its requests have `host`
  // as their tunnel_host. Shared by sessions of several connections.
  std::shared_ptr<TlsContext> tls;
  std::string host;
  // Otherwise takes the socket, on its loop's thread, with the bytes that came after the request.
  // The connection no longer uses the socket.
  std::move_only_function<void(Socket socket, std::string early_bytes)> take;
};

}  // namespace tidemill::wire
