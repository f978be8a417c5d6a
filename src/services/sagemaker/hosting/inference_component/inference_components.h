// Inference components: their operations, their state machine, and what keeps their processes in
// step with it. Their routes are published with their endpoint's.
#pragma once

#include <string>
#include <vector>

#include "compute/compute.h"
#include "engine/engine.h"
#include "services/platform/handlers/handlers.h"
#include "services/sagemaker/hosting/endpoint/endpoint_service.h"
#include "services/sagemaker/hosting/fleet/fleet_listener.h"
#include "services/sagemaker/hosting/fleet/fleet_machine.h"
#include "services/sagemaker/hosting/inference_component/handlers.h"
#include "services/sagemaker/hosting/inference_component/hosted_components.h"

namespace tidemill::services::sagemaker::hosting {

// The listener of components' servers is made from this. Borrows the store.
FleetOwners component_owners(store::Store& store);

class InferenceComponents final {
 public:
  // Borrows all of them. `servers` gets the reports about servers whose jobs' ids begin with
  // kComponentJobPrefix.
  InferenceComponents(const Dependencies& dependencies, FleetRunner& fleets,
                      HostedComponents& hosted, EndpointService& endpoints, FleetListener& servers);
  static std::vector<store::TableSpec> tables();

  // Call before the engine starts.
  void add_to(engine::Engine& engine);
  void add_to(Registry& registry);

 private:
  engine::TaskResult run_task(const InferenceComponent& component, const engine::TaskRun& run);
  engine::TaskResult start_copies(const InferenceComponent& component, const engine::TaskRun& run);
  engine::TaskResult stop_copies(const InferenceComponent& component, const engine::TaskRun& run);
  engine::TaskResult remove(const InferenceComponent& component, const engine::TaskRun& run);
  Result<void> publish(const InferenceComponent& component);

  Dependencies in_;
  FleetRunner& fleets_;
  EndpointService& endpoints_;
  FleetListener& servers_;
  ComponentHandlers handlers_;
};

}  // namespace tidemill::services::sagemaker::hosting
