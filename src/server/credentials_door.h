// Where jobs in the host's network, and shells on this machine, fetch their role's credentials when
// AWS's SDKs would not fetch them from the server's own address: they accept plain HTTP of the
// loopback interface only, so not an address of the network, nor 127.0.0.2, and HTTPS only with a
// certificate that they know. It is the proxy of transparent mode, too, for the same reason.
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
  // `behind` answers for the credentials' path, for CONNECT and for what comes through that;
  // whatever else is asked for is not found.
  explicit CredentialsDoor(wire::HttpHandler& behind) : behind_(behind) {}
  ~CredentialsDoor() override { stop(); }

  // Takes a port of 127.0.0.1 that is kept in `port_file`, since jobs that outlive this server know
  // it. Nobody is answered before start().
  Result<void> open(runtime::EventLoops& loops, runtime::WorkerPool& stream_pool,
                    const std::filesystem::path& port_file, std::size_t connections_max);
  // Accepts from here on: once the services are there.
  Result<void> start();
  void stop();
  // "http://127.0.0.1:38211"
  std::string url() const;

  void handle(wire::HttpRequest request, Respond respond) override;
  // As `behind` admits: what comes through a tunnel is bounded and authenticated as at any door.
  std::expected<std::unique_ptr<wire::Admission>, wire::HttpResponse> admit(
      const wire::HttpRequest& head) override;

 private:
  wire::HttpHandler& behind_;
  std::unique_ptr<wire::HttpServer> http_;
};

}  // namespace tidemill::server
