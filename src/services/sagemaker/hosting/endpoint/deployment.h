// A deployment: how a new fleet takes the traffic over from the one before it, and the history of
// it that AWS does not keep.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/sagemaker/endpoint.h"
#include "base/clock.h"
#include "base/describe.h"
#include "services/sagemaker/hosting/fleet/fleet.h"
#include "store/table.h"

namespace tidemill::services::sagemaker::hosting {

namespace deployment_policies {
inline constexpr const char* kAllAtOnce = "ALL_AT_ONCE";
inline constexpr const char* kCanary = "CANARY";
inline constexpr const char* kLinear = "LINEAR";
inline constexpr const char* kRolling = "ROLLING";
}  // namespace deployment_policies

// DeploymentConfig in a flat form. Guide: "Deployment guardrails for updating models in
// production".
struct DeploymentPolicy {
  std::string type = deployment_policies::kAllAtOnce;
  bool size_in_percent = true;  // of capacity; else a number of instances
  std::int64_t size = 100;      // the canary's, a linear step's, a rolling batch's
  std::int64_t wait_seconds = 0;
  std::int64_t termination_wait_seconds = 0;
  std::int64_t time_max_seconds = 0;  // 0: no limit

  // The number of `instances` that one step moves; at least one.
  std::int64_t step_of(std::int64_t instances) const;
};
TIDEMILL_RECORD(DeploymentPolicy, (),
                (type, size_in_percent, size, wait_seconds, termination_wait_seconds,
                 time_max_seconds))

// ValidationException when it asks for what cannot be. nullptr: all at once, no waits.
Result<DeploymentPolicy> deployment_policy(const api::sagemaker::DeploymentConfig* config);

// A change of the traffic's share, or of what happens to it.
struct DeploymentStep {
  Timestamp time;
  std::string what;            // "started", "traffic", "rolled back", ...
  double traffic_percent = 0;  // of the new fleet, from then on
};
TIDEMILL_RECORD(DeploymentStep, (), (time, what, traffic_percent))

namespace deployment_stages {
inline constexpr const char* kCreating = "Creating";      // instances are being started
inline constexpr const char* kPublishing = "Publishing";  // traffic is about to shift
inline constexpr const char* kBaking = "Baking";          // waiting before the next step
inline constexpr const char* kUpdating = "Updating";      // capacity of the fleet in place changes
inline constexpr const char* kRollingBack = "RollingBack";
}  // namespace deployment_stages

struct Deployment {
  std::string id;       // of its fleet
  std::string kind;     // "CreateEndpoint", "UpdateEndpoint", "UpdateEndpointWeightsAndCapacities"
  std::string trigger;  // the ARN of who asked
  std::string config_name, previous_config_name;
  DeploymentPolicy policy;
  std::string stage = deployment_stages::kCreating;
  std::int64_t step = 0;  // counts; a timer of an earlier step is stale
  double traffic = 0;     // the new fleet's share, 0 to 1
  Timestamp started, stage_started;
  std::vector<DeploymentStep> steps;
};
TIDEMILL_RECORD(Deployment, (),
                (id, kind, trigger, config_name, previous_config_name, policy, stage, step, traffic,
                 started, stage_started, steps))

// A deployment's entry in the history.
struct DeploymentRecord {
  std::string account, region, endpoint;
  Deployment deployment;
  std::string result;  // "InProgress", "Succeeded", "RolledBack", "Failed", "Cancelled"
  std::string reason;
  std::optional<Timestamp> ended;
};
TIDEMILL_RECORD(DeploymentRecord, (),
                (account, region, endpoint, deployment, result, reason, ended))

const store::Table<DeploymentRecord>& deployments();
// In the order of their start.
std::string deployment_key(const DeploymentRecord& record);
std::string deployment_prefix(std::string_view account, std::string_view region,
                              std::string_view endpoint);
// So many an endpoint; the oldest go first.
inline constexpr std::size_t kDeploymentsKeptMax = 1000;
inline constexpr std::size_t kDeploymentStepsMax = 200;

}  // namespace tidemill::services::sagemaker::hosting
