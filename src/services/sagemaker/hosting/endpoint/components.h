// An endpoint's view of its inference components. inference_component/ implements it
// (HostedComponents) and calls EndpointService::publish() when a component has changed.
#pragma once

#include <mutex>
#include <vector>

#include "services/sagemaker/hosting/endpoint/endpoint.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker::hosting {

// Thread-safe.
class EndpointComponents {
 public:
  virtual ~EndpointComponents() = default;
  // The routes of the components in the store; one without copies has no instances.
  virtual Result<std::vector<sagemaker_runtime::VariantRoute>> routes(const Endpoint& endpoint) = 0;
  // While it is held, no component comes or asks for more.
  virtual std::unique_lock<std::mutex> lock() = 0;
  // Whether they could live on these variants. ValidationException.
  virtual Result<void> check_variants(const Endpoint& endpoint,
                                      const std::vector<Variant>& variants) = 0;
  // ValidationException while there are any.
  virtual Result<void> check_none(const Endpoint& endpoint) = 0;
};

}  // namespace tidemill::services::sagemaker::hosting
