// What becomes of a connection after the answer to a CONNECT request.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "wire/http_socket.h"

namespace tidemill::wire {

class TlsContext;

struct Upgrade {
  // When set, TLS begins with this certificate, and HTTP goes on inside: its requests have `host`
  // as their tunnel_host. Shared: sessions of several connections use the context.
  std::shared_ptr<TlsContext> tls;
  std::string host;
  // Else takes the socket, on its loop's thread, with the bytes that came behind the request. The
  // connection knows nothing of it from then on.
  std::move_only_function<void(Socket socket, std::string early_bytes)> take;
};

}  // namespace tidemill::wire
