// A fleet: what one deployment runs. Variants of instances, each instance a set of containers, each
// container either a model in the server's process or a model server's process under compute/.
// Endpoints, transform jobs and inference components all run fleets.
#pragma once

#include <boost/describe.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/sagemaker/endpoint_config.h"
#include "base/clock.h"
#include "base/describe.h"
#include "base/error.h"

namespace tidemill::services::sagemaker::hosting {

// SageMaker gives a model server this long between SIGTERM and SIGKILL.
inline constexpr int kHostingStopGraceSeconds = 30;

// The owner of a fleet.
struct FleetOwner {
  std::string kind;  // "endpoint", "transform": the first word of its jobs' ids
  std::string account, region, name;
  std::string server_url;  // how its creator reached this server; "" the server's own
  std::string log_group;   // "/aws/sagemaker/Endpoints/churn"
};

// A container's process on one instance. Each start is an attempt with a job of its own.
struct Server {
  std::int64_t attempt = 0;
  std::int64_t port = 0;  // of the loopback interface; 0: a unix socket in the attempt's folder
  bool ready = false;     // a native container's once its model is loaded
  bool starting = false;  // its first start is under way: whoever waits for it sees it fail
};
TIDEMILL_RECORD(Server, (), (attempt, port, ready, starting))

struct Instance {
  std::vector<Server> servers;  // one a container

  bool ready() const;
};
TIDEMILL_RECORD(Instance, (), (servers))

// The ways in which a container answers.
namespace engines {
inline constexpr const char* kNative = "native";    // in the server's process
inline constexpr const char* kPython = "python";    // tidemill_serving on the host's Python
inline constexpr const char* kProgram = "program";  // code/<SAGEMAKER_PROGRAM> serve
inline constexpr const char* kOnnx = "onnx";        // ONNX Runtime in a process of its own
}  // namespace engines

struct Container {
  std::string hostname;  // "" none; TargetContainerHostname names it
  std::string image;
  std::string data_uri;  // "" none; of a multi-model container the prefix
  bool data_compressed = true;
  bool multi_model = false;
  std::map<std::string, std::string> environment;
  std::string engine;

  bool native() const { return engine == engines::kNative; }
};
TIDEMILL_RECORD(Container, (),
                (hostname, image, data_uri, data_compressed, multi_model, environment, engine))

struct Serverless {
  std::int64_t memory_mib = 2048;
  std::int64_t concurrency_max = 1;
  std::int64_t provisioned_concurrency = 0;
};
TIDEMILL_RECORD(Serverless, (), (memory_mib, concurrency_max, provisioned_concurrency))

inline constexpr std::int64_t kVolumeDefaultGib = 30;  // as SageMaker's

// A variant as its model and configuration were when it was deployed: later changes of those do not
// reach it.
struct Variant {
  std::string name, model_name, role_arn, instance_type;
  std::vector<Container> containers;  // in the order of a serial pipeline
  bool direct = false;                // each is invoked by its hostname instead
  bool shadow = false;                // gets copies of requests, answers nobody
  double weight = 1;
  std::int64_t instance_count = 1;
  std::int64_t startup_seconds = 0;
  bool random_routing = false;  // instances by chance instead of the least outstanding requests
  std::optional<Serverless> serverless;
  // Limits of each instance, where they are less than its type's; 0: the type's.
  std::int64_t memory_mib_max = 0;
  double cpus_max = 0;
  std::int64_t volume_gib_max = 0;  // what each of its servers may write; 0: kVolumeDefaultGib
  bool cut_off = false;             // the model's EnableNetworkIsolation
  std::vector<Instance> instances;  // instance_count of them, once they are wanted
  // The first attempt number of new servers: above every earlier one, since a job's id is used
  // once.
  std::int64_t attempt_first = 0;
  // When the role was passed: with the model, or with the endpoint configuration. {}: by a server
  // that did not note it.
  Timestamp role_since;

  bool native() const;  // no container needs a process
  std::int64_t ready_instances() const;
  // `count` instances, the new ones starting and not ready.
  void resize(std::int64_t count);
};
TIDEMILL_RECORD(Variant, (),
                (name, model_name, role_arn, instance_type, containers, direct, shadow, weight,
                 instance_count, startup_seconds, random_routing, serverless, memory_mib_max,
                 cpus_max, volume_gib_max, cut_off, instances, attempt_first, role_since))

struct Fleet {
  std::string id;  // unique; names its folder and its jobs
  std::string config_name;
  std::vector<Variant> variants;  // shadow variants last
  std::optional<api::sagemaker::DataCaptureConfig> capture;
  std::optional<api::sagemaker::AsyncInferenceConfig> asynchronous;
  Timestamp started;

  Variant* find(std::string_view variant);
};
TIDEMILL_RECORD(Fleet, (), (id, config_name, variants, capture, asynchronous, started))

// An instance by its place in the fleet.
struct InstanceIndex {
  std::int64_t variant = 0, instance = 0;
};
TIDEMILL_RECORD(InstanceIndex, (), (variant, instance))
std::vector<InstanceIndex> all_instances(const Fleet& fleet);
bool all_ready(const Fleet& fleet);
// Some server's first start is under way.
bool any_starting(const Fleet& fleet);
// Takes over what a task found out about the servers: ports, readiness, engines.
void merge_servers(Fleet& into, const Fleet& from);

// Instances of one fleet; with a reason when they failed.
struct InstancesRef {
  std::string fleet;
  std::vector<InstanceIndex> instances;
  std::int64_t step = 0;  // of the deployment
  std::string reason;
};
TIDEMILL_RECORD(InstancesRef, (), (fleet, instances, step, reason))

// Instances of a fleet as it was that get no more requests and are about to be stopped.
struct LeavingInstances {
  std::string id;
  Fleet fleet;
  std::vector<InstanceIndex> instances;
  bool whole = false;  // the fleet, with its folder
  Timestamp due;       // from then on it is stopped as soon as nothing is under way on it
};
TIDEMILL_RECORD(LeavingInstances, (), (id, fleet, instances, whole, due))
std::vector<InstanceIndex> instances_of(const LeavingInstances& leaving);

// Some that leave; "" everything, as the owner is being deleted.
struct StopRef {
  std::string id;
  std::int64_t looks = 0;  // how often something was still under way
};
TIDEMILL_RECORD(StopRef, (), (id, looks))

// One start of one container on one instance; also the payload of events about it.
struct ServerRef {
  std::string fleet;
  std::int64_t variant = 0, instance = 0, container = 0, attempt = 0;
  std::int64_t port = 0;
  std::string reason;
  std::int64_t stop_grace_seconds = kHostingStopGraceSeconds;  // of one that is to be ended
};
TIDEMILL_RECORD(ServerRef, (),
                (fleet, variant, instance, container, attempt, port, reason, stop_grace_seconds))

// nullptr when the fleet has no such place or it is at another attempt.
Server* find_server(Fleet& fleet, const ServerRef& ref);
// Servers that were up once and are not now.
std::vector<ServerRef> servers_down(const Fleet& fleet);

// "<kind>.<account>.<region>.<name>.<fleet>.<variant>.<instance>.<container>.<attempt>": it says by
// itself whose it is, so that what the compute back end reports needs no look-up.
std::string server_job_id(const FleetOwner& owner, const ServerRef& ref);
struct ServerJob {
  std::string kind, account, region, name;
  ServerRef ref;
};
Result<ServerJob> parse_server_job_id(std::string_view id);

// "AllTraffic/i-<fleet>-0", for pipelines with "/<container>" behind it, as SageMaker names them.
std::string server_log_stream(const Variant& variant, const ServerRef& ref);

// The size limit of SageMaker's FailureReason.
inline constexpr std::size_t kFailureReasonBytesMax = 1024;
std::string cut_reason(std::string reason);
inline constexpr int kStartupSecondsDefault = 480;
inline constexpr int kRestartDelaySecondsMax = 60;
// Between two looks at what leaves while requests are under way on it: 1, 2, ... up to this.
inline constexpr int kDrainLookSecondsMax = 5;
// A serverless variant's model leaves memory when nobody asked for it this long.
inline constexpr int kServerlessIdleSeconds = 120;
// Seconds before the given attempt is started: 1, 2, 4, ...
int restart_delay_seconds(std::int64_t attempt);

}  // namespace tidemill::services::sagemaker::hosting
