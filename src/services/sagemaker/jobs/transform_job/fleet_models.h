// Models of transform jobs as fleets: a private fleet a job, whose route no client can name.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "compute/compute.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/hosting/fleet/fleet_runner.h"
#include "services/sagemaker/jobs/transform_job/batch_model.h"
#include "services/sagemaker_runtime/interface.h"

namespace tidemill::services::sagemaker::jobs {

// InvokeEndpoint past the network: of the endpoint that the routing table has under these names.
// Blocks until there is an answer, the request's time is over or it is stopped.
using InvokeRoute =
    std::function<Result<std::string>(const std::string& account, const std::string& region,
                                      const std::string& endpoint, BatchModel::Request request)>;

// The first word of the ids of model servers' jobs: "transform.<account>....".
inline constexpr const char* kTransformServerPrefix = "transform.";

class FleetModels final : public BatchModels, public compute::JobListener {
 public:
  // Borrows all.
  FleetModels(const Dependencies& dependencies, hosting::FleetRunner& fleets,
              sagemaker_runtime::RoutingTable& routes,
              std::function<bool(const hosting::ServerAddress&)> ping, InvokeRoute invoke);

  Result<Plan> plan(const Context& context,
                    const api::sagemaker::CreateTransformJobRequest& request,
                    const std::string& instance_id) override;
  Result<Value> start(const TransformJob& job) override;
  Result<std::unique_ptr<BatchModel>> open(const TransformJob& job) override;
  Result<void> stop(const TransformJob& job) override;

  void job_exited(const std::string& id, const compute::JobExit& exit) override;
  bool job_logged(const std::string& id, const std::vector<compute::LogLine>& lines) override;

 private:
  class Routed;

  Result<void> publish(const TransformJob& job, const hosting::Fleet& fleet,
                       const std::string& name);
  // Servers that do not answer any more get their next attempt. True when there were any.
  bool next_attempts(const hosting::FleetOwner& owner, hosting::Fleet& fleet);
  // The fleet with every server answering; what was changed is recorded before it is started.
  Result<hosting::Fleet> revive(const TransformJob& job, hosting::Fleet fleet);

  const Dependencies on_;
  hosting::FleetRunner& fleets_;
  sagemaker_runtime::RoutingTable& routes_;
  const std::function<bool(const hosting::ServerAddress&)> ping_;
  const InvokeRoute invoke_;
};

}  // namespace tidemill::services::sagemaker::jobs
