// The effects of a deployment: models fetched and unpacked, processes started, watched and stopped.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "infer/model.h"
#include "services/sagemaker/dependencies.h"
#include "services/sagemaker/endpoint/endpoint.h"

namespace tidemill::services::sagemaker {

// Thread-safe; its functions block.
class FleetRunner {
 public:
  // `ping`: the model server at the port answers /ping with 200.
  FleetRunner(const Dependencies& dependencies, std::string directory,
              std::function<bool(std::uint16_t)> ping);

  // Brings every variant up and returns the fleet with its instances ready. The error
  // "DeploymentFailed" is the user's, its message a FailureReason; others may be tried again.
  Result<Fleet> start(const Endpoint& endpoint, Fleet fleet);
  // One instance, again: the reference with its port.
  Result<InstanceRef> start_instance(const Endpoint& endpoint, const Fleet& fleet, InstanceRef ref);
  // Stops every process the fleet may have and removes its folder. Idempotent.
  Result<void> stop(const Endpoint& endpoint, const Fleet& fleet);
  // The model of a native variant, loaded when it is not yet. Shared: with the routes.
  Result<std::shared_ptr<const infer::Model>> model(const Fleet& fleet, std::size_t variant);
  // Ends every wait with Tidemill.Cancelled: the server stops, the processes go on.
  void cancel() { cancelled_ = true; }

 private:
  std::string variant_folder(const Fleet& fleet, std::int64_t variant) const;
  std::string instance_folder(const InstanceRef& ref) const;
  Result<void> fetch_model(const Endpoint& endpoint, const Variant& variant,
                           const std::string& folder);
  Result<void> download(const Endpoint& endpoint, const Variant& variant,
                        const std::string& folder);
  Result<void> load_native(const Endpoint& endpoint, const Fleet& fleet, std::size_t index);
  Result<std::uint16_t> launch(const Endpoint& endpoint, const Variant& variant,
                               const InstanceRef& ref);
  Result<void> await_ready(const Endpoint& endpoint, const Variant& variant, const InstanceRef& ref,
                           std::uint16_t port);
  Result<void> await_exit(const std::string& job);
  Result<bool> exited(const std::string& job, compute::JobExit& exit);

  Dependencies in_;
  const std::string directory_;
  const std::function<bool(std::uint16_t)> ping_;
  std::atomic<bool> cancelled_ = false;
  std::mutex mutex_;
  // By the model's folder, until the fleet is stopped. Shared: with the routes.
  std::map<std::string, std::shared_ptr<const infer::Model>> models_;
};

inline constexpr const char* kDeploymentFailed = "DeploymentFailed";

}  // namespace tidemill::services::sagemaker
