#include "services/sagemaker/hosting/endpoint/deployment.h"

#include <algorithm>
#include <cstdio>

namespace tidemill::services::sagemaker::hosting {

TIDEMILL_RECORD_CODEC(DeploymentPolicy)
TIDEMILL_RECORD_CODEC(DeploymentStep)
TIDEMILL_RECORD_CODEC(Deployment)
TIDEMILL_RECORD_CODEC(DeploymentRecord)
namespace {

namespace api = tidemill::api::sagemaker;
namespace policies = deployment_policies;

std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message));
}

constexpr std::int64_t kCanaryPercentMax = 50;
constexpr std::int64_t kLinearPercentMin = 10, kLinearPercentMax = 50;
constexpr std::int64_t kRollingPercentMin = 5, kRollingPercentMax = 50;

// Bounds are those of the guide; a number of instances is checked when the fleet is known.
Result<void> take_size(const tidemill::api::Box<api::CapacitySize>& size, const char* name,
                       std::int64_t percent_min, std::int64_t percent_max,
                       DeploymentPolicy& policy) {
  if (!size) return invalid(std::string("The traffic routing needs a ") + name + ".");
  policy.size_in_percent = size->type == api::capacity_size_type::kCapacityPercent;
  policy.size = size->value;
  if (policy.size_in_percent && (policy.size < percent_min || policy.size > percent_max))
    return invalid(std::string(name) + " must be from " + std::to_string(percent_min) + " to " +
                   std::to_string(percent_max) + " percent of the capacity, not " +
                   std::to_string(policy.size) + ".");
  return {};
}

Result<void> take_blue_green(const api::BlueGreenUpdatePolicy& from, DeploymentPolicy& policy) {
  policy.termination_wait_seconds = from.termination_wait_in_seconds.value_or(0);
  policy.time_max_seconds = from.maximum_execution_timeout_in_seconds.value_or(0);
  if (!from.traffic_routing_configuration) return {};
  const api::TrafficRoutingConfig& routing = *from.traffic_routing_configuration;
  policy.wait_seconds = routing.wait_interval_in_seconds;
  policy.type = routing.type;
  if (routing.canary_size && policy.type != policies::kCanary)
    return invalid("CanarySize is for traffic routing of the type CANARY, not " + policy.type +
                   ".");
  if (routing.linear_step_size && policy.type != policies::kLinear)
    return invalid("LinearStepSize is for traffic routing of the type LINEAR, not " + policy.type +
                   ".");
  if (policy.type == policies::kCanary)
    return take_size(routing.canary_size, "CanarySize", 1, kCanaryPercentMax, policy);
  if (policy.type == policies::kLinear)
    return take_size(routing.linear_step_size, "LinearStepSize", kLinearPercentMin,
                     kLinearPercentMax, policy);
  return {};
}

}  // namespace

std::int64_t DeploymentPolicy::step_of(std::int64_t instances) const {
  if (!size_in_percent)
    return std::clamp<std::int64_t>(size, 1, std::max<std::int64_t>(instances, 1));
  return std::max<std::int64_t>(1, instances * size / 100);
}

Result<DeploymentPolicy> deployment_policy(const api::DeploymentConfig* config) {
  DeploymentPolicy policy;
  if (!config) return policy;
  if (config->auto_rollback_configuration && config->auto_rollback_configuration->alarms &&
      !config->auto_rollback_configuration->alarms->empty())
    return invalid(
        "Rollback alarms need CloudWatch, which is not implemented by Tidemill yet; leave "
        "AutoRollbackConfiguration out. A fleet that fails is rolled back without them.");
  if (config->blue_green_update_policy && config->rolling_update_policy)
    return invalid("Give either BlueGreenUpdatePolicy or RollingUpdatePolicy, not both.");
  if (config->blue_green_update_policy) {
    TRY(take_blue_green(*config->blue_green_update_policy, policy));
  } else if (config->rolling_update_policy) {
    const api::RollingUpdatePolicy& rolling = *config->rolling_update_policy;
    policy.type = policies::kRolling;
    policy.wait_seconds = rolling.wait_interval_in_seconds;
    policy.time_max_seconds = rolling.maximum_execution_timeout_in_seconds.value_or(0);
    TRY(take_size(rolling.maximum_batch_size, "MaximumBatchSize", kRollingPercentMin,
                  kRollingPercentMax, policy));
  }
  return policy;
}

const store::Table<DeploymentRecord>& deployments() {
  static const store::Table<DeploymentRecord> table{
      "sagemaker_deployments", {}, [](const DeploymentRecord& record) -> std::string_view {
        if (record.endpoint.empty() || record.deployment.id.empty())
          return "a deployment must have an endpoint and an id";
        return record.result.empty() ? "a deployment must have a result" : "";
      }};
  return table;
}

std::string deployment_prefix(std::string_view account, std::string_view region,
                              std::string_view endpoint) {
  return store::key({account, region, endpoint, ""});
}

std::string deployment_key(const DeploymentRecord& record) {
  char started[24];
  std::snprintf(started, sizeof started, "%020lld",
                static_cast<long long>(record.deployment.started.microseconds));
  return store::key(
      {record.account, record.region, record.endpoint, started, record.deployment.id});
}

}  // namespace tidemill::services::sagemaker::hosting
