#include "services/sagemaker/common/job_network.h"

#include <algorithm>

namespace tidemill::services::sagemaker {
namespace {

// The door's port when the server's own port is that of users' programs, or is used by another
// listener in the job's network (the resolver, AWS's hosts).
constexpr std::uint16_t kOtherServerPort = 4566;
constexpr std::uint16_t kTakenPorts[] = {kContractPort, 53, 443};

std::uint16_t door_port(std::uint16_t server_port) {
  const bool taken = std::ranges::find(kTakenPorts, server_port) != std::end(kTakenPorts);
  return taken ? kOtherServerPort : server_port;
}

constexpr const char* kNetworkVariable = "TIDEMILL_JOB_NETWORK";

}  // namespace

bool sdks_trust(std::string_view server) {
  for (std::string_view host : {"http://127.0.0.1:", "http://localhost:", "http://[::1]:"})
    if (server.starts_with(host)) return true;
  return false;
}

JobNetwork job_network(const Settings& settings, const compute::Isolation& isolation, bool cut_off,
                       const std::string& server_url) {
  JobNetwork out;
  if (cut_off) {
    out.network = compute::JobNetwork::isolated;
    return out;
  }
  if (settings.isolate_jobs && isolation.network_namespace) {
    // Plain http on loopback, whatever address the server listens on and whether it speaks TLS.
    out.network = compute::JobNetwork::isolated;
    out.server_port = door_port(settings.port);
    out.server_url = "http://127.0.0.1:" + std::to_string(out.server_port);
    out.credentials_url = out.server_url;
    return out;
  }
  out.server_url = server_url.empty() ? settings.endpoint : server_url;
  out.credentials_url =
      sdks_trust(settings.endpoint) ? settings.endpoint : settings.credentials_url;
  return out;
}

void join(compute::JobSpec& spec, const JobNetwork& network) {
  spec.network = network.network;
  spec.server_port = network.server_port;
  const bool isolated = network.network == compute::JobNetwork::isolated;
  spec.environment[kNetworkVariable] =
      !isolated ? "host" : (network.server_url.empty() ? "none" : "isolated");
  if (network.server_url.empty()) return;
  spec.environment["AWS_ENDPOINT_URL"] = network.server_url;
  spec.environment["S3_ENDPOINT_URL"] = network.server_url;
}

Result<void> check_network_isolation(bool wanted, const compute::Isolation& isolation) {
  if (!wanted || isolation.network_namespace) return {};
  return fail("ValidationException",
              "EnableNetworkIsolation cannot be had on this machine: " + isolation.explanation +
                  ". Run the server as root, or leave it out.",
              400);
}

}  // namespace tidemill::services::sagemaker
