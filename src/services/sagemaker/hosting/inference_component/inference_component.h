// The record of an inference component, its states and its events.
//
//   Creating -> InService | Failed;  InService, Failed -> Updating -> InService | Failed;
//   any -> Deleting
//
// A component is a model with its share of an endpoint's instances. Its copies are the instances of
// a fleet of one variant: the `active` one answers; a `pending` one, of a new specification, takes
// its place batch by batch.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/sagemaker/inference_component.h"
#include "services/sagemaker/hosting/fleet/fleet_transitions.h"
#include "store/table.h"

namespace tidemill::services::sagemaker::hosting {

using ComponentSpecification = api::sagemaker::InferenceComponentSpecification;

namespace rollout_stages {
inline constexpr const char* kStarting = "Starting";      // a batch of copies
inline constexpr const char* kPublishing = "Publishing";  // it is about to get requests
inline constexpr const char* kBaking = "Baking";          // and is watched for a while
}  // namespace rollout_stages

// How a pending fleet takes over.
struct Rollout {
  std::int64_t batch = 0;  // copies a step; 0: all at once
  std::int64_t wait_seconds = 0;
  std::int64_t time_max_seconds = 0;  // 0: no limit
  std::string stage = rollout_stages::kStarting;
  std::int64_t step = 0;     // a timer of an earlier one is stale
  std::int64_t retired = 0;  // copies of the active fleet, from the front, that have made room
};
TIDEMILL_RECORD(Rollout, (), (batch, wait_seconds, time_max_seconds, stage, step, retired))

struct InferenceComponent {
  std::string account, region, arn, name;
  std::string endpoint, variant;
  std::string server_url;  // how the creator reached this server; the model's code uses the same
  std::string status = "Creating";
  std::string failure_reason;
  Timestamp created, modified;
  std::optional<Timestamp> deleting_since;
  ComponentSpecification specification;                      // of the active fleet
  std::optional<ComponentSpecification> next_specification;  // of the pending one
  std::int64_t copies = 0;                                   // wanted
  std::optional<Fleet> active, pending;
  std::optional<Rollout> rollout;  // while there is a pending fleet
  std::optional<api::sagemaker::InferenceComponentDeploymentConfig> last_deployment;
  std::vector<LeavingInstances> leaving;
  std::int64_t leaving_count = 0;  // all there ever were; names them
  std::int64_t attempt_first = 0;  // of new copies, so that no job of an earlier one has their id
  std::int64_t publications = 0;   // asked for so far; the end of the last one is what counts
};
TIDEMILL_RECORD(InferenceComponent, (),
                (account, region, arn, name, endpoint, variant, server_url, status, failure_reason,
                 created, modified, deleting_since, specification, next_specification, copies,
                 active, pending, rollout, last_deployment, leaving, leaving_count, attempt_first,
                 publications))

inline constexpr const char* kComponentMachine = "sagemaker_inference_component";
inline constexpr const char* kComponentLogGroup = "/aws/sagemaker/InferenceComponents/";
inline constexpr const char* kComponentJobKind = "component";
inline constexpr const char* kComponentJobPrefix = "component.";
inline constexpr std::int64_t kCopiesMax = 32;  // each is a process of this machine

// Why a record breaks its invariant (store/invariant.h), "" when it does not.
std::string_view invariant(const InferenceComponent& component);

// Index "by_endpoint" beside those that listing/ wants.
const store::Table<InferenceComponent>& inference_components();
std::string component_key(std::string_view account, std::string_view region, std::string_view name);
// Prefix of the keys of that index.
std::string components_of(std::string_view account, std::string_view region,
                          std::string_view endpoint);
std::string component_arn(std::string_view account, std::string_view region, std::string_view name);
FleetOwner owner_of(const InferenceComponent& component);

namespace component_status {
inline constexpr const char* kCreating = "Creating";
inline constexpr const char* kInService = "InService";
inline constexpr const char* kUpdating = "Updating";
inline constexpr const char* kFailed = "Failed";
inline constexpr const char* kDeleting = "Deleting";
}  // namespace component_status

// The payload of UpdateRequested.
struct ComponentUpdate {
  ComponentSpecification specification;
  Fleet fleet;
  Rollout rollout;
  std::optional<api::sagemaker::InferenceComponentDeploymentConfig> deployment;
};
TIDEMILL_RECORD(ComponentUpdate, (), (specification, fleet, rollout, deployment))

// The names of the events of events.h.
namespace component_events {
using namespace fleet_events;
inline constexpr const char* kCopiesReady = "CopiesReady";
inline constexpr const char* kCopiesFailed = "CopiesFailed";
inline constexpr const char* kPublished = "Published";
inline constexpr const char* kCopiesRequested = "CopiesRequested";
inline constexpr const char* kRestartFailed = "RestartFailed";
}  // namespace component_events

namespace component_tasks {
using namespace fleet_tasks;                                // Publish brings its number
inline constexpr const char* kStartCopies = "StartCopies";  // InstancesRef
}  // namespace component_tasks

}  // namespace tidemill::services::sagemaker::hosting
