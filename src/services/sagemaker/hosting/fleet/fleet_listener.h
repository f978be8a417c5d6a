// Passes on what compute/ and the health monitor report of the servers of fleets: exits to their
// owners' state machines, lines to their log streams.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compute/compute.h"
#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/hosting/fleet/fleet.h"
#include "services/sagemaker/hosting/fleet/health_monitor.h"

namespace tidemill::services::sagemaker::hosting {

// Owners of one kind: endpoints, say.
struct FleetOwners {
  std::string machine;    // in the engine; its records' keys are (account, region, name)
  std::string log_group;  // the owner's name comes behind
  // The log stream of a server of the owner with this key; nullopt: the owner is gone.
  std::function<Result<std::optional<std::string>>(const std::string& key, const ServerRef&)>
      log_stream;
};

class FleetListener final : public compute::JobListener {
 public:
  FleetListener(const Dependencies& dependencies, FleetOwners owners)
      : in_(dependencies), owners_(std::move(owners)) {}
  void job_exited(const std::string& id, const compute::JobExit& exit) override;
  bool job_logged(const std::string& id, const std::vector<compute::LogLine>& lines) override;
  // The health monitor's report: the server is taken out of service and ended, and started again
  // unless it leaves. False when it is none that answers requests.
  bool server_unhealthy(const UnhealthyServer& server);
  // A line of ours among the server's own; `id` is its job's.
  void say(const std::string& id, const std::string& line);

 private:
  // True when the event applied.
  bool send(const ServerJob& job, const engine::Event& event);

  const Dependencies in_;
  const FleetOwners owners_;
};

}  // namespace tidemill::services::sagemaker::hosting
