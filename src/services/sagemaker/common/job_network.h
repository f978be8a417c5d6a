// Which network a job or a model server gets, and the server's address in it.
#pragma once

#include <cstdint>
#include <string>

#include "compute/compute.h"
#include "services/sagemaker/common/dependencies.h"

namespace tidemill::services::sagemaker {

struct JobNetwork {
  compute::JobNetwork network = compute::JobNetwork::host;
  std::uint16_t server_port = 0;  // of the server's door, if the network is isolated
  std::string server_url;         // of the API; "": it cannot be reached
  std::string credentials_url;    // precedes iam::kCredentialsPath; "": there are no credentials
};

// `cut_off` (EnableNetworkIsolation): only loopback, no server, no credentials. `server_url`: this
// server's address as the resource's creator used it; "": the server's own address.
JobNetwork job_network(const Settings& settings, const compute::Isolation& isolation, bool cut_off,
                       const std::string& server_url = {});

// Whether AWS's SDKs fetch credentials from this address: plain http must be on loopback.
bool sdks_trust(std::string_view server);

// Sets the network, and the variables with the server's address.
void join(compute::JobSpec& spec, const JobNetwork& network);

// ValidationException when this machine cannot enforce EnableNetworkIsolation.
// (`wanted`: the request asks for it.)
Result<void> check_network_isolation(bool wanted, const compute::Isolation& isolation);

// The port on which users' own programs serve models, by SageMaker's contract. In an isolated
// network nothing else uses it; elsewhere it is not used.
inline constexpr std::uint16_t kContractPort = 8080;

}  // namespace tidemill::services::sagemaker
