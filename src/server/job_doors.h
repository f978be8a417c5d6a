// The server's doors in jobs' networks (compute::JobDoors): listening sockets of an HTTP server
// only for jobs, always in plain HTTP. AWS's own host names also lead there: a resolver in the
// job's network resolves them to it, and the server answers under each of them at the ports of
// https and http (docs/transparent-mode.md).
#pragma once

#include <memory>

#include "compute/process/job_doors.h"
#include "wire/dns/name_server.h"
#include "wire/proxy/local_authority.h"
#include "wire/server/http_server.h"

namespace tidemill::server {

// The host name of a training job's container on SageMaker (resourceconfig.json, SM_HOSTS). Here a
// job has one container, which reaches itself by this name.
inline constexpr std::string_view kJobHostName = "algo-1";

// Names that resolve to the loopback address in a job's network: AWS's, "localhost" and names below
// it, and the job's own. In lower case.
bool is_job_network_name(std::string_view name);

class HttpJobDoors final : public compute::JobDoors {
 public:
  // `authority`: nullptr when AWS's names are not served. Borrowed arguments outlive this object.
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
  // Certificates for every AWS name; nullptr: none. Shared with the doors.
  const std::shared_ptr<wire::TlsContext> aws_names_;
};

}  // namespace tidemill::server
