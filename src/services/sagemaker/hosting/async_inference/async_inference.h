// InvokeEndpointAsync: a durable queue before endpoints whose answers go to S3.
#pragma once

#include <string>
#include <vector>

#include "api/sagemaker_runtime/invocation.h"
#include "services/platform/handlers/handlers.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/hosting/async_inference/dispatcher.h"

namespace tidemill::services::platform {
class MetricRegistry;
}

namespace tidemill::services::sagemaker::hosting {

// Thread-safe.
class AsyncInference {
 public:
  AsyncInference(store::Store& store, engine::Engine& engine, Clock& clock, Random& random,
                 AsyncPorts ports, AsyncOptions options = {});

  static std::vector<store::TableSpec> tables();
  // Call before the engine starts.
  void add_to(engine::Engine& engine);
  void add_to(Registry& registry);
  // Goes on with the invocations in the store. Call after engine.start().
  Result<void> start();
  // Call before engine.stop().
  void stop() { dispatcher_.stop(); }

  void add_to(platform::MetricRegistry& metrics) const;

 private:
  Result<api::sagemaker_runtime::InvokeEndpointAsyncOutput> invoke(
      Context& context, const api::sagemaker_runtime::InvokeEndpointAsyncInput& request);
  Result<AsyncInvocation> make_invocation(
      const Context& context, const api::sagemaker_runtime::InvokeEndpointAsyncInput& request);
  engine::TaskResult run_task(const AsyncInvocation& invocation, const engine::TaskRun& run);
  engine::TaskResult write_failure(const AsyncInvocation& invocation, const engine::TaskRun& run);
  engine::TaskResult remove(const engine::TaskRun& run);

  store::Store& store_;
  engine::Engine& engine_;
  Clock& clock_;
  Random& random_;
  const AsyncPorts ports_;
  AsyncDispatcher dispatcher_;
};

}  // namespace tidemill::services::sagemaker::hosting
