// Upgrades of connections: after CONNECT the connection continues with TLS inside, or another owner
// takes the socket.
#include "wire/server/connection.h"
#include "wire/server/response_head.h"
#include "wire/server/upgrade.h"

namespace tidemill::wire {

// RFC 9110 9.3.6: the answer has neither Content-Length nor Transfer-Encoding, and the bytes after
// its head belong to the tunnel.
void Connection::start_upgrade(HttpResponse response) {
  if (tls_ || server_->stopping() || reading_ != Reading::complete || close_after_) {
    close();
    return;
  }
  append_response_head(200, response.headers, ResponseFraming(), server_->date(),
                       shared_.options.server_name, out_);
  upgrade_ = std::move(response.upgrade);
  write_since_ = server_->now();
  complete_response();
}

// The answer is sent. True when requests may follow, inside TLS.
bool Connection::finish_upgrade() {
  const std::unique_ptr<Upgrade> upgrade = std::move(upgrade_);
  // A read under way would put ciphertext where plain bytes are expected. The state `complete` does
  // not read; should that change, close rather than mix the two.
  if (read_armed_) {
    close();
    return false;
  }
  std::string early(input_.view());
  input_.consume(early.size());
  if (!upgrade->tls) {
    closed_ = true;
    upgrade->take(std::move(socket_), std::move(early));
    server_->remove(shared_from_this());
    return false;
  }
  tls_context_ = upgrade->tls;
  tunnel_host_ = upgrade->host;
  tls_ = std::make_unique<TlsSession>(*tls_context_);
  tls_ciphertext_ = std::make_unique_for_overwrite<char[]>(tls_read_bytes);
  first_request_ = true;
  enter(Reading::head);
  if (early.empty()) return true;
  std::string plaintext;
  if (tls_->feed(early, plaintext) != TlsSession::Fed::ok) {
    close();
    return false;
  }
  if (!plaintext.empty()) input_.append(plaintext);
  head_begun_ = !input_.empty();
  return true;
}

}  // namespace tidemill::wire
