// The server's doors in the networks of jobs (compute::JobDoors): listening sockets of an HTTP
// server that is there for jobs alone, plain HTTP whatever the server speaks outside. AWS's own
// host names lead there, too: a resolver in the job's network says so, and at the ports of https
// and http the server answers under each of them (docs/transparent-mode.md).
#pragma once

#include <memory>

#include "compute/compute.h"
#include "wire/dns/name_server.h"
#include "wire/proxy/local_authority.h"
#include "wire/server/http_server.h"

namespace tidemill::server {

// What a training job's container is called on SageMaker (resourceconfig.json, SM_HOSTS): here a
// job has one container, which finds itself by this name.
inline constexpr std::string_view kJobHostName = "algo-1";

// Names that have the loopback address in a job's network: AWS's, "localhost" and what is below it,
// and the job's own. In lower case.
bool is_job_network_name(std::string_view name);

class HttpJobDoors final : public compute::JobDoors {
 public:
  // `authority` is nullptr where AWS's names are not stood for. Everything borrowed outlives this.
  static Result<std::unique_ptr<HttpJobDoors>> make(wire::HttpServer& server,
                                                    wire::NameServer& names,
                                                    wire::LocalAuthority* authority);
  Result<void> open(const std::string& job, const runtime::NetworkNamespace& network,
                    std::uint16_t port) override;
  void close(const std::string& job) override;

 private:
  HttpJobDoors(wire::HttpServer& server, wire::NameServer& names,
               std::shared_ptr<wire::TlsContext> aws_names)
      : server_(server), names_(names), aws_names_(std::move(aws_names)) {}
  Result<void> open_all(const std::string& job, const runtime::NetworkNamespace& network,
                        std::uint16_t port);

  wire::HttpServer& server_;
  wire::NameServer& names_;
  // Certificates of every name of AWS. Shared: with the doors. nullptr: there are none.
  const std::shared_ptr<wire::TlsContext> aws_names_;
};

}  // namespace tidemill::server
