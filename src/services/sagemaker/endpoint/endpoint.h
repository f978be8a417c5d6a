// The record of an endpoint, its states and its events.
//
//   Creating -> InService | Failed;  InService, Failed -> Updating -> InService | Failed;  any ->
//   Deleting
//
// An endpoint runs fleets: the `active` one answers, a `pending` one is being started beside it and
// takes its place when it is ready. A fleet that cannot start leaves the active one as it was.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/sagemaker/endpoint.h"
#include "base/value.h"
#include "store/table.h"

namespace tidemill::services::sagemaker {

// A model server's process. Each start is an attempt with a job of its own in compute/.
struct Instance {
  std::int64_t attempt = 0;
  std::int64_t port = 0;  // of the loopback interface, once it is ready
  bool ready = false;
};
BOOST_DESCRIBE_STRUCT(Instance, (), (attempt, port, ready))

// What a variant runs, as its model and configuration said when it was deployed: later changes of
// those do not reach it.
struct Variant {
  std::string name, model_name, image, role_arn, instance_type;
  std::string data_uri;  // "" none
  bool data_compressed = true;
  std::map<std::string, std::string> environment;
  bool native = false;  // predicts in the server's process; `instances` stays empty
  double weight = 1;
  std::int64_t instance_count = 1;
  std::int64_t startup_seconds = 0;
  std::vector<Instance> instances;
};
BOOST_DESCRIBE_STRUCT(Variant, (),
                      (name, model_name, image, role_arn, instance_type, data_uri, data_compressed,
                       environment, native, weight, instance_count, startup_seconds, instances))

struct Fleet {
  std::string id;  // unique; names its folder and its jobs
  std::string config_name;
  std::vector<Variant> variants;
  Timestamp started;
};
BOOST_DESCRIBE_STRUCT(Fleet, (), (id, config_name, variants, started))

struct Endpoint {
  std::string account, region, arn, name;
  std::string server_url;  // how the creator reached this server; the model's code uses the same
  std::string status = "Creating";
  std::string failure_reason;
  std::string failed_config;  // of the last fleet that could not start
  Timestamp created, modified;
  std::optional<Fleet> active, pending;
};
BOOST_DESCRIBE_STRUCT(Endpoint, (),
                      (account, region, arn, name, server_url, status, failure_reason,
                       failed_config, created, modified, active, pending))

inline constexpr const char* kEndpointMachine = "sagemaker_endpoint";
inline constexpr const char* kEndpointLogGroup = "/aws/sagemaker/Endpoints/";

const store::Table<Endpoint>& endpoints();
std::string endpoint_key(std::string_view account, std::string_view region, std::string_view name);
std::string endpoint_arn(std::string_view account, std::string_view region, std::string_view name);

// One start of one instance; also the payload of events about it.
struct InstanceRef {
  std::string fleet;
  std::int64_t variant = 0, instance = 0, attempt = 0;
  std::int64_t port = 0;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(InstanceRef, (), (fleet, variant, instance, attempt, port, reason))

// "endpoint.<account>.<region>.<name>.<fleet>.<variant>.<instance>.<attempt>": it says by itself
// whose it is, so that what the compute back end reports needs no look-up.
inline constexpr const char* kEndpointJobPrefix = "endpoint.";
std::string instance_job_id(const Endpoint& endpoint, const InstanceRef& ref);
struct InstanceJob {
  std::string account, region, endpoint;
  InstanceRef ref;
};
Result<InstanceJob> parse_instance_job_id(std::string_view id);

// "AllTraffic/i-<fleet>-0"
std::string instance_log_stream(const Variant& variant, const std::string& fleet,
                                std::int64_t instance);

// Events; the payload in braces.
namespace endpoint_events {
inline constexpr const char* kFleetReady = "FleetReady";              // Fleet, its instances ready
inline constexpr const char* kFleetFailed = "FleetFailed";            // InstanceRef: fleet, reason
inline constexpr const char* kUpdateRequested = "UpdateRequested";    // Fleet
inline constexpr const char* kWeightsRequested = "WeightsRequested";  // {variant name: weight}
inline constexpr const char* kPublished = "Published";
inline constexpr const char* kInstanceExited = "InstanceExited";  // InstanceRef
inline constexpr const char* kInstanceReady = "InstanceReady";    // InstanceRef with its port
inline constexpr const char* kDeleteRequested = "DeleteRequested";
inline constexpr const char* kTaskFailed = "TaskFailed";  // the engine's
}  // namespace endpoint_events

namespace endpoint_tasks {
inline constexpr const char* kStartFleet = "StartFleet";  // InstanceRef: fleet
inline constexpr const char* kPublish = "Publish";
inline constexpr const char* kStopFleet = "StopFleet";              // Fleet
inline constexpr const char* kRestartInstance = "RestartInstance";  // InstanceRef
inline constexpr const char* kRemove = "Remove";
}  // namespace endpoint_tasks

// Requests that began on an old fleet have this long to finish before it is stopped.
inline constexpr int kDrainSeconds = 5;
// SageMaker gives a model server this long between SIGTERM and SIGKILL.
inline constexpr int kHostingStopGraceSeconds = 30;
inline constexpr int kRestartDelaySecondsMax = 60;
inline constexpr int kStartupSecondsDefault = 480;
// What SageMaker's FailureReason holds.
inline constexpr std::size_t kFailureReasonBytesMax = 1024;

}  // namespace tidemill::services::sagemaker
