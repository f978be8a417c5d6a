// Where jobs in the host's network, and shells on this machine, fetch their role's credentials when
// AWS's SDKs would refuse the server's own address: SDKs accept plain HTTP only on the loopback
// interface (no network address, not even 127.0.0.2), and HTTPS only with a certificate that they
// trust. It is also the proxy of transparent mode, for the same reason.
#pragma once

#include <expected>
#include <filesystem>
#include <memory>
#include <string>

#include "runtime/event_loops.h"
#include "runtime/worker_pool.h"
#include "wire/server/http_server.h"

namespace tidemill::server {

// Thread-safe.
class CredentialsDoor final : public wire::HttpHandler {
 public:
  // `behind` answers requests for the credentials' path, CONNECT, and requests that come through a
  // tunnel; other requests get "not found".
  explicit CredentialsDoor(wire::HttpHandler& behind) : behind_(behind) {}
  ~CredentialsDoor() override { stop(); }

  // Takes a port of 127.0.0.1 and keeps it in `port_file`, since jobs that outlive this server know
  // the port. Requests are not answered before start().
  Result<void> open(runtime::EventLoops& loops, runtime::WorkerPool& stream_pool,
                    const std::filesystem::path& port_file, std::size_t connections_max);
  // Accepts connections from now on; called once the services are ready.
  Result<void> start();
  void stop();
  // "http://127.0.0.1:38211"
  std::string url() const;

  void handle(wire::HttpRequest request, Respond respond) override;
  // Admits like `behind`: requests through a tunnel are limited and authenticated as at any door.
  std::expected<std::unique_ptr<wire::Admission>, wire::HttpResponse> admit(
      const wire::HttpRequest& head) override;

 private:
  wire::HttpHandler& behind_;
  std::unique_ptr<wire::HttpServer> http_;
};

}  // namespace tidemill::server
