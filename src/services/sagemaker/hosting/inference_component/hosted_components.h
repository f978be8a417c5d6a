// The components of endpoints as the store has them: what their endpoints need to know.
#pragma once

#include <mutex>
#include <vector>

#include "services/sagemaker/hosting/endpoint/components.h"
#include "services/sagemaker/hosting/fleet/fleet_runner.h"
#include "services/sagemaker/hosting/inference_component/inference_component.h"
#include "store/store.h"

namespace tidemill::services::sagemaker::hosting {

inline constexpr std::size_t kComponentsPerEndpointMax = 100;

// Thread-safe.
class HostedComponents final : public EndpointComponents {
 public:
  // Borrows both.
  HostedComponents(store::Store& store, FleetRunner& fleets) : store_(store), fleets_(fleets) {}

  // InternalFailure.
  Result<std::vector<InferenceComponent>> components(const Endpoint& endpoint);

  Result<std::vector<sagemaker_runtime::VariantRoute>> routes(const Endpoint& endpoint) override;
  std::unique_lock<std::mutex> lock() override { return std::unique_lock(changing_); }
  Result<void> check_variants(const Endpoint& endpoint,
                              const std::vector<Variant>& variants) override;
  Result<void> check_none(const Endpoint& endpoint) override;

 private:
  store::Store& store_;
  FleetRunner& fleets_;
  std::mutex changing_;  // held while a component comes or asks for more
};

}  // namespace tidemill::services::sagemaker::hosting
