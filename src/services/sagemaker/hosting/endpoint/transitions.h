// How events change an endpoint: pure, record + event + now -> record + tasks.
#pragma once

#include "engine/engine.h"
#include "services/sagemaker/hosting/endpoint/endpoint.h"

namespace tidemill::services::sagemaker::hosting {

// The first record of an endpoint, and its first tasks.
engine::Step<Endpoint> begin_endpoint(Endpoint endpoint, DeploymentRequest request, Timestamp now);

// nullopt when the event does not apply any more.
Result<std::optional<engine::Step<Endpoint>>> endpoint_transition(const Endpoint& endpoint,
                                                                  const engine::Event& event,
                                                                  Timestamp now);

}  // namespace tidemill::services::sagemaker::hosting
