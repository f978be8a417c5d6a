// The effects of a deployment: models fetched and unpacked, processes started, watched and stopped.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "infer/model.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/hosting/fleet/fleet.h"
#include "services/sagemaker/hosting/fleet/instance_loads.h"
#include "services/sagemaker/hosting/fleet/server_ports.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker::hosting {

// The address at which a model server listens.
using ServerAddress = sagemaker_runtime::ServerAddress;

class LoadedModels;

struct FleetOptions {
  // The model server answers GET /ping with 200. May block.
  std::function<bool(const ServerAddress&)> ping;
  // Limit on the time of a model's answer to InvokeEndpoint.
  std::chrono::seconds answer_time_max{3600};
};
// Limit on the time of a model's answer to InvokeEndpointAsync: SageMaker's own limit on
// InvocationTimeoutSeconds.
inline constexpr std::chrono::seconds kQueuedAnswerTimeMax{3600};

// Thread-safe; its functions block.
class FleetRunner {
 public:
  FleetRunner(const Dependencies& dependencies, FleetOptions options);

  // Fetches the models and brings the instances up that are named and not yet ready; returns the
  // fleet with them ready and each container's engine settled. The error "DeploymentFailed" is the
  // user's, its message a FailureReason; others may be tried again.
  // Tidemill.Cancelled when the instances are stopped meanwhile.
  Result<Fleet> start(const FleetOwner& owner, Fleet fleet,
                      const std::vector<InstanceIndex>& which);
  // One container of one instance, again: the reference with its port.
  Result<ServerRef> start_server(const FleetOwner& owner, const Fleet& fleet, ServerRef ref);
  // Requests under way on these instances.
  int under_way(const Fleet& fleet, const std::vector<InstanceIndex>& which) const {
    return loads_.under_way(fleet, which);
  }
  // The time after which no request is under way on the fleet any more.
  std::chrono::seconds drain_time_max(const Fleet& fleet) const;
  // Ends the process of one attempt, which has its grace from the reference, and forgets it.
  // Idempotent.
  Result<void> end_server(const FleetOwner& owner, const ServerRef& ref);
  // Stops the processes that these instances may have, starts under way among them. Idempotent.
  Result<void> stop_instances(const FleetOwner& owner, const Fleet& fleet,
                              const std::vector<InstanceIndex>& which);
  // All of them, and removes the fleet's folder. Idempotent.
  Result<void> stop(const FleetOwner& owner, const Fleet& fleet);
  // The route by which invocations reach a variant's ready instances.
  Result<sagemaker_runtime::VariantRoute> route(const FleetOwner& owner, const Fleet& fleet,
                                                std::size_t variant);
  // The addresses of the processes of these instances, as far as they are ready.
  std::vector<sagemaker_runtime::InstanceRoute> processes(const FleetOwner& owner,
                                                          const Fleet& fleet,
                                                          const std::vector<InstanceIndex>& which);
  // Lets models go that nobody asked for a while. Now and then.
  void sweep();
  // Ends every wait with Tidemill.Cancelled: the server stops, the processes go on.
  void cancel();
  // Call it in a task that got Tidemill.Cancelled: waits for the engine's stop when the server is
  // about to stop it, since until then the error counts as a failed attempt.
  void await_engine_stop(const std::stop_token& stop) const;

 private:
  class Start;   // instances that are being started
  struct Place;  // a container of a variant of a fleet, with its volumes

  std::string instance_volume(const ServerRef& ref) const;
  std::string instance_folder(const ServerRef& ref) const;  // the server's copy of it
  Result<void> make_instance(const Place& place, const ServerRef& ref);
  std::string port_file(const ServerRef& ref) const;
  Result<std::uint16_t> port_of(const ServerRef& ref);
  void remove_files(const ServerRef& ref);
  Result<void> settle(const Place& place, Container& container);
  Result<std::shared_ptr<const infer::Model>> model(const std::string& folder,
                                                    const infer::LoadOptions& options);
  std::shared_ptr<LoadedModels> source(const Place& place);
  Result<std::int64_t> launch(const Place& place, const ServerRef& ref);
  Result<void> await_ready(const Place& place, const ServerRef& ref);
  bool is_own_answer(const std::string& job, const ServerRef& ref);
  Result<void> await_exit(const std::string& job);
  Result<void> forget_server(const FleetOwner& owner, const ServerRef& ref);
  Result<void> stop_servers(const FleetOwner& owner, const Fleet& fleet,
                            const std::vector<InstanceIndex>& which);
  bool is_stopping(const ServerRef& ref);
  // A stop waits for a start of the fleet to give up.
  bool is_start_stopped(const std::string& fleet_id);
  Result<bool> exited(const std::string& job, compute::JobExit& exit);
  ServerAddress address_of(const FleetOwner& owner, const ServerRef& ref);
  Result<sagemaker_runtime::ContainerRoute> container_route(const Place& place);
  sagemaker_runtime::InstanceRoute instance_route(const FleetOwner& owner, const Fleet& fleet,
                                                  const InstanceIndex& at);

  Dependencies in_;
  const FleetOptions options_;
  ServerPorts ports_;
  InstanceLoads loads_;
  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;
  std::condition_variable started_;
  // By instance, guarded by mutex_: starts under way, and stops that wait for them to give up.
  std::map<std::string, int> starts_, stops_;
  // By the model's folder, until the fleet is stopped. Shared: with the routes.
  std::map<std::string, std::shared_ptr<const infer::Model>> models_;
  // Likewise, of containers whose models come and go. Shared: with the routes.
  std::map<std::string, std::shared_ptr<LoadedModels>> sources_;
};

inline constexpr const char* kDeploymentFailed = "DeploymentFailed";

}  // namespace tidemill::services::sagemaker::hosting
