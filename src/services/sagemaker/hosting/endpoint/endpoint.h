// The record of an endpoint, its states and its events.
//
//   Creating -> InService | Failed;  InService, Failed -> Updating -> InService | Failed |
//   RollingBack; RollingBack -> InService;  any -> Deleting
//
// An endpoint runs fleets: the `active` one answers, a `pending` one is being started beside it and
// takes the traffic over as the deployment's policy says. A fleet that fails on the way leaves the
// active one as it was.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "services/sagemaker/hosting/endpoint/deployment.h"
#include "services/sagemaker/hosting/fleet/fleet_transitions.h"
#include "store/table.h"

namespace tidemill::services::sagemaker::hosting {

struct Endpoint {
  std::string account, region, arn, name;
  std::string server_url;  // how the creator reached this server; the model's code uses the same
  std::string status = "Creating";
  std::string failure_reason;
  std::string failed_config;  // of the last fleet that could not start
  Timestamp created, modified;
  std::optional<Timestamp> deleting_since;
  std::optional<Fleet> active, pending;
  std::optional<Deployment> deployment;  // under way
  std::vector<LeavingInstances> leaving;
  std::int64_t leaving_count = 0;  // all there ever were; names them
  // The last one that ended: the history has it a moment later.
  std::optional<DeploymentRecord> last_deployment;
  // The policy of the last update, for RetainDeploymentConfig.
  std::optional<DeploymentPolicy> last_policy;
};
TIDEMILL_RECORD(Endpoint, (),
                (account, region, arn, name, server_url, status, failure_reason, failed_config,
                 created, modified, deleting_since, active, pending, deployment, leaving,
                 leaving_count, last_deployment, last_policy))

inline constexpr const char* kEndpointMachine = "sagemaker_endpoint";
inline constexpr const char* kEndpointLogGroup = "/aws/sagemaker/Endpoints/";
inline constexpr const char* kEndpointJobKind = "endpoint";
inline constexpr const char* kEndpointJobPrefix = "endpoint.";

const store::Table<Endpoint>& endpoints();
std::string endpoint_key(std::string_view account, std::string_view region, std::string_view name);
std::string endpoint_arn(std::string_view account, std::string_view region, std::string_view name);
FleetOwner owner_of(const Endpoint& endpoint);

namespace endpoint_status {
inline constexpr const char* kCreating = "Creating";
inline constexpr const char* kInService = "InService";
inline constexpr const char* kUpdating = "Updating";
inline constexpr const char* kRollingBack = "RollingBack";
inline constexpr const char* kFailed = "Failed";
inline constexpr const char* kDeleting = "Deleting";
}  // namespace endpoint_status

// The payload of UpdateRequested.
struct DeploymentRequest {
  Fleet fleet;
  Deployment deployment;
};
TIDEMILL_RECORD(DeploymentRequest, (), (fleet, deployment))

// New shares and sizes by variant name.
struct CapacityChange {
  std::string variant;
  std::optional<double> weight;
  std::optional<std::int64_t> instance_count;
};
TIDEMILL_RECORD(CapacityChange, (), (variant, weight, instance_count))
struct CapacityRequest {
  std::vector<CapacityChange> changes;
  Deployment deployment;
};
TIDEMILL_RECORD(CapacityRequest, (), (changes, deployment))

// The names of the events of events.h.
namespace endpoint_events {
using namespace fleet_events;
inline constexpr const char* kInstancesReady = "InstancesReady";
inline constexpr const char* kInstancesFailed = "InstancesFailed";
inline constexpr const char* kCapacityRequested = "CapacityRequested";
inline constexpr const char* kPublished = "Published";
}  // namespace endpoint_events

namespace endpoint_tasks {
using namespace fleet_tasks;
inline constexpr const char* kStartInstances = "StartInstances";  // InstancesRef
inline constexpr const char* kRecord = "Record";  // DeploymentRecord, for the history
}  // namespace endpoint_tasks

}  // namespace tidemill::services::sagemaker::hosting
