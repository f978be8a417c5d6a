// Endpoints: their operations, their state machine, and what keeps routes and processes in step
// with it.
#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "compute/compute.h"
#include "engine/engine.h"
#include "services/platform/handlers/handlers.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/hosting/endpoint/endpoint.h"
#include "services/sagemaker/hosting/endpoint/handlers.h"
#include "services/sagemaker/hosting/fleet/fleet_listener.h"
#include "services/sagemaker/hosting/fleet/fleet_machine.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker::hosting {

// The dependencies of endpoints; all borrowed.
struct EndpointParts {
  sagemaker_runtime::RoutingTable& routes;
  FleetRunner& fleets;
  sagemaker_runtime::CaptureDestinations& captures;
  EndpointComponents& components;
  HealthMonitor& health;   // checks the model servers that answer for endpoints
  FleetListener& servers;  // of endpoint_owners()
};

// The listener of endpoints' servers is made from this: it gets the reports about servers whose
// jobs' ids begin with kEndpointJobPrefix. Borrows the store.
FleetOwners endpoint_owners(store::Store& store);

class EndpointService final {
 public:
  EndpointService(const Dependencies& dependencies, const EndpointParts& parts);
  ~EndpointService();
  // Tables that models, endpoint configurations and endpoints need, for whoever opens the store.
  static std::vector<store::TableSpec> tables();

  // Call before the engine starts.
  void add_to(engine::Engine& engine);
  // The operations on models, endpoint configurations and endpoints.
  void add_to(Registry& registry);
  // Publishes the routes of what is in service. Before the server takes requests.
  void start();
  // Ends waits, so that the engine can stop; model servers go on. Before engine.stop().
  void stop();

  // Brings the routing table in step with the endpoint as the store has it now, and with its
  // components.
  Result<void> publish(const std::string& key);

 private:
  engine::TaskResult run_task(const Endpoint& endpoint, const engine::TaskRun& run);
  engine::TaskResult start_instances(const Endpoint& endpoint, const engine::TaskRun& run);
  engine::TaskResult remove(const Endpoint& endpoint, const engine::TaskRun& run);
  Result<sagemaker_runtime::EndpointRoute> route_of(const Endpoint& endpoint);
  // Both under publishing_.
  void put_route(sagemaker_runtime::EndpointRoute route);
  void remove_route(std::string_view account, std::string_view region, std::string_view name);
  // So that those that hang while they leave are found, too.
  void add_processes(sagemaker_runtime::EndpointRoute& route, const Endpoint& endpoint,
                     const std::vector<LeavingInstances>& leaving);
  engine::TaskResult stop_leaving_instances(const Endpoint& endpoint, const engine::TaskRun& run);
  std::vector<std::string> keys_in_service();
  bool publish_or_log(const std::string& key);  // true when it is done

  Dependencies in_;
  const EndpointParts with_;
  std::mutex publishing_;  // one at a time, so that the last one publishes the newest record
  EndpointHandlers handlers_;
  std::jthread starter_;
};

}  // namespace tidemill::services::sagemaker::hosting
