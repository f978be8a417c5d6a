// The history of an endpoint's deployments. AWS keeps none; `tidemill endpoint history NAME` and
// the operation ListEndpointDeployments, an addition of Tidemill's to the model, show it.
#pragma once

#include "services/platform/handlers/handlers.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/hosting/endpoint/endpoint.h"

namespace tidemill::services::sagemaker::hosting {

// Writes the entry, or what is new of it. Idempotent.
Result<void> keep_deployment(store::Store& store, const DeploymentRecord& record);
// The history goes with its endpoint.
Result<void> forget_deployments(store::Store& store, store::Transaction& transaction,
                                const Endpoint& endpoint);
void add_history_operations(Registry& registry, const Dependencies& dependencies);

}  // namespace tidemill::services::sagemaker::hosting
