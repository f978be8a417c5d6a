// Which network a job or a model server gets, and where in it this server is.
#pragma once

#include <cstdint>
#include <string>

#include "compute/compute.h"
#include "services/sagemaker/common/dependencies.h"

namespace tidemill::services::sagemaker {

struct JobNetwork {
  compute::JobNetwork network = compute::JobNetwork::host;
  std::uint16_t server_port = 0;  // of the server's door, when the network is isolated
  std::string server_url;         // of the API; "" it is not reached
  std::string credentials_url;    // before iam::kCredentialsPath; "" there are no credentials
};

// `cut_off` is EnableNetworkIsolation: loopback alone, no server, no credentials. `server_url` is
// how whoever created the resource reached this server; "" this server's own address.
JobNetwork job_network(const Settings& settings, const compute::Isolation& isolation, bool cut_off,
                       const std::string& server_url = {});

// AWS's SDKs fetch credentials from this server's address: plain http, of loopback.
bool sdks_trust(std::string_view server);

// The network, and the variables that say where the server is.
void join(compute::JobSpec& spec, const JobNetwork& network);

// ValidationException where EnableNetworkIsolation would be a promise that this machine cannot
// keep.
Result<void> check_network_isolation(bool wanted, const compute::Isolation& isolation);

// The port on which programs of the user's own serve models: SageMaker's contract. In an isolated
// network it is theirs alone; elsewhere it is never used.
inline constexpr std::uint16_t kContractPort = 8080;

}  // namespace tidemill::services::sagemaker
