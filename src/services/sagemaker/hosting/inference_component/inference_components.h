// Inference components: their operations, their state machine, and what keeps their processes in
// step with it. Their routes are published with their endpoint's.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "compute/compute.h"
#include "engine/engine.h"
#include "services/sagemaker/hosting/endpoint/components.h"
#include "services/sagemaker/hosting/endpoint/endpoint_service.h"
#include "services/sagemaker/hosting/fleet/fleet_listener.h"
#include "services/sagemaker/hosting/fleet/fleet_machine.h"
#include "services/sagemaker/hosting/inference_component/handlers.h"
#include "services/service.h"

namespace tidemill::services::sagemaker {

class InferenceComponents final : public EndpointComponents {
 public:
  // Borrows the fleets and the endpoints.
  InferenceComponents(const Dependencies& dependencies, FleetRunner& fleets,
                      EndpointService& endpoints);
  static std::vector<store::TableSpec> tables();

  // Before the engine starts.
  void add_to(engine::Engine& engine);
  void add_to(Registry& registry);

  // For reports about servers whose jobs' ids begin with kComponentJobPrefix.
  FleetListener& servers() { return listener_; }

  Result<std::vector<sagemaker_runtime::VariantRoute>> routes(const Endpoint& endpoint) override;
  std::unique_lock<std::mutex> lock() override { return std::unique_lock(changing_); }
  Result<void> check_variants(const Endpoint& endpoint,
                              const std::vector<Variant>& variants) override;
  Result<void> check_none(const Endpoint& endpoint) override;

 private:
  engine::TaskResult run_task(const InferenceComponent& component, const engine::TaskRun& run);
  engine::TaskResult start_copies(const InferenceComponent& component, const engine::TaskRun& run);
  engine::TaskResult stop_copies(const InferenceComponent& component, const engine::TaskRun& run);
  engine::TaskResult remove(const InferenceComponent& component, const engine::TaskRun& run);
  Result<void> publish(const InferenceComponent& component);
  Result<std::optional<std::string>> log_stream(const std::string& key, const ServerRef& ref);

  Dependencies in_;
  FleetRunner& fleets_;
  EndpointService& endpoints_;
  std::mutex changing_;  // held while a component comes or asks for more
  ComponentHandlers handlers_;
  FleetListener listener_;
};

}  // namespace tidemill::services::sagemaker
