// Endpoints: their operations, their state machine, and what keeps routes and processes in step
// with it.
#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "compute/compute.h"
#include "engine/engine.h"
#include "services/sagemaker/dependencies.h"
#include "services/sagemaker/endpoint/endpoint.h"
#include "services/sagemaker/endpoint/handlers.h"
#include "services/sagemaker/fleet/fleet_runner.h"
#include "services/sagemaker/fleet/health_monitor.h"
#include "services/sagemaker_runtime/interface.h"
#include "services/service.h"

namespace tidemill::services::sagemaker {

template <class T>
Result<T> task_payload(const engine::TaskRun& run) {
  T out{};
  TRY(from_value(run.payload, out));
  return out;
}

class EndpointService final : public compute::JobListener {
 public:
  // Borrows the routes, the fleets and where captured data goes.
  EndpointService(const Dependencies& dependencies, sagemaker_runtime::RoutingTable& routes,
                  FleetRunner& fleets, sagemaker_runtime::CaptureDestinations& captures);
  ~EndpointService() override;
  // Before it takes requests; borrows them.
  void host(EndpointComponents& components);
  // Has it check the model servers that answer for endpoints. Before start(); borrows it.
  void check_with(HealthMonitor& health) { health_ = &health; }
  // Tables that models, endpoint configurations and endpoints need, for whoever opens the store.
  static std::vector<store::TableSpec> tables();

  // Before the engine starts.
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

  // The health monitor's report about a server of an endpoint: it is taken out of service, ended
  // and started again. False when it is none that is in service.
  bool server_unhealthy(const UnhealthyServer& server);

  // The compute back end's reports about jobs whose ids begin with kEndpointJobPrefix.
  void job_exited(const std::string& id, const compute::JobExit& exit) override;
  bool job_logged(const std::string& id, const std::vector<compute::LogLine>& lines) override;

 private:
  engine::TaskResult run_task(const Endpoint& endpoint, const engine::TaskRun& run);
  engine::TaskResult start_instances(const Endpoint& endpoint, const engine::TaskRun& run);
  engine::TaskResult restart_server(const Endpoint& endpoint, const engine::TaskRun& run);
  engine::TaskResult end_server(const Endpoint& endpoint, const engine::TaskRun& run);
  engine::TaskResult stop_drained(const Endpoint& endpoint, const engine::TaskRun& run);
  engine::TaskResult remove(const Endpoint& endpoint, const engine::TaskRun& run);
  // Requests are under way that may still be answered, counted from `due` on.
  bool drains(const Fleet& fleet, const std::vector<InstanceIndex>& which, Timestamp due) const;
  bool drains(const LeavingInstances& leaving) const;
  // Routes what the event is about to make of the record: who reads that must get an answer.
  Result<void> publish_after(const std::string& key, const engine::Event& event);
  Result<sagemaker_runtime::EndpointRoute> route_of(const Endpoint& endpoint);
  // Both under publishing_.
  void put_route(sagemaker_runtime::EndpointRoute route);
  void remove_route(std::string_view account, std::string_view region, std::string_view name);
  // A line of ours among the server's own.
  void log_about(const Endpoint& endpoint, const ServerRef& ref, std::string line);
  std::vector<std::string> keys_in_service();
  bool publish_or_log(const std::string& key);  // true when it is done
  Result<void> stop_leaving(const Endpoint& endpoint, const LeavingInstances& leaving);
  std::unexpected<Error> cancelled(const Error& error, const engine::TaskRun& run);

  Dependencies in_;
  sagemaker_runtime::RoutingTable& routes_;
  FleetRunner& fleets_;
  EndpointComponents* components_ = nullptr;
  HealthMonitor* health_ = nullptr;
  sagemaker_runtime::CaptureDestinations& captures_;
  std::mutex publishing_;  // one at a time, so that the last one publishes the newest record
  EndpointHandlers handlers_;
  std::jthread starter_;
};

}  // namespace tidemill::services::sagemaker
