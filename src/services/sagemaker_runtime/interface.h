// Which endpoints can be invoked and where their models are. Written by services/sagemaker; every
// invocation reads it without a lock. At the end: invocations by callers inside the server.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "infer/codec/codec.h"
#include "infer/model.h"
#include "runtime/network_namespace.h"
#include "services/sagemaker_runtime/capture/settings.h"
#include "services/sagemaker_runtime/instance_load.h"

namespace tidemill::services::sagemaker_runtime {

// Where a model server listens: on a unix socket, or on a port of a loopback interface.
struct ServerAddress {
  std::string socket_path;  // "": it listens on the port
  std::uint16_t port = 0;
  // The network of that loopback interface; nullptr: this machine's. Shared with current requests.
  std::shared_ptr<const runtime::NetworkNamespace> network = {};
};

// The process of one container on one instance.
struct ServerRoute {
  ServerAddress address;
  std::string log_stream;  // like "AllTraffic/i-0"
  std::string job = {};    // the id of its process in compute/; "": no health checks
  // Whether it answers /ping while it works on requests; if not, silence may mean it is busy.
  bool pings_while_busy = false;
};

// The result of one GET /ping.
struct PingAnswer {
  enum class Kind : std::uint8_t {
    good,     // 200
    bad,      // another status, or not HTTP
    refused,  // no listener, or the connection was closed
    silent,   // no answer within kPingTime
  };
  Kind kind = Kind::silent;
  std::string text = {};  // "status 500", for messages
};

// Models loaded on demand: the members of a multi-model container by TargetModel, or the model of a
// serverless variant that scaled to zero by "". Thread-safe.
class ModelSource {
 public:
  virtual ~ModelSource() = default;
  // nullptr when the model is not in memory. Never blocks for long.
  virtual std::shared_ptr<const infer::Model> find(std::string_view target) = 0;
  // Loads the model if it is not in memory, fetching it first. Blocks. ValidationError: no such
  // model; ModelError's message: it cannot be loaded; ServiceUnavailable: memory is short.
  virtual Result<std::shared_ptr<const infer::Model>> load(const std::string& target) = 0;
  // For a container that is a process: the path of the unpacked model as the process sees it.
  virtual Result<std::string> fetch(const std::string& target) = 0;
};

struct ContainerRoute {
  std::string hostname;
  // Predicts in this process; null when `models` or the instances' servers answer. Shared with
  // snapshots that current requests hold.
  std::shared_ptr<const infer::Model> native;
  std::shared_ptr<ModelSource> models;  // null: not on demand; shared, as `native`
  bool process = false;                 // each instance has a server process for it
  bool multi_model = false;             // TargetModel names the model
  infer::RequestOptions request;
  infer::ResponseOptions response;
};

struct InstanceRoute {
  std::vector<ServerRoute> servers;  // one per container; unused for native containers
  // Shared with its publisher, earlier and later routes, and current requests. Null: the routing
  // table creates it, or takes over that with the same log stream of the first server.
  std::shared_ptr<InstanceLoad> load = {};
};

struct VariantRoute {
  std::string name;
  std::string component;  // the inference component it serves; "": none
  double weight = 1;
  // A pipeline: each one's output is the next one's input. Empty: only inference components answer.
  std::vector<ContainerRoute> containers;
  bool direct = false;                   // instead, each container is invoked by its hostname
  bool random_routing = false;           // false: the instance with the fewest requests is chosen
  int concurrency_max = 0;               // of the whole (serverless) variant; 0: no limit
  std::vector<InstanceRoute> instances;  // those that are ready
  // Captures requests and answers; null: captures nothing. Shared with current requests.
  std::shared_ptr<const CaptureRoute> capture;
  bool needs_instance() const;  // whether a container is a process
};

struct EndpointRoute {
  std::string account, region, name;
  // Two variants may have the same name while a deployment shifts traffic between them.
  std::vector<VariantRoute> variants;
  // These get copies of requests: a share of their weight over the sum of the variants' weights.
  std::vector<VariantRoute> shadows;
  bool asynchronous = false;  // InvokeEndpointAsync only
  // Chosen by name. Two components may have the same name while one is being updated.
  std::vector<VariantRoute> components = {};
  // Instances that get no new requests, but may still have some in progress.
  std::vector<InstanceRoute> leaving = {};
};

// Thread-safe.
class RoutingTable {
 public:
  RoutingTable();
  ~RoutingTable();

  // Replaces the endpoint's route. Requests in progress finish on the old route and still count
  // against their variant's and instance's limits if the new route has these.
  void put(EndpointRoute route);
  void remove(std::string_view account, std::string_view region, std::string_view endpoint);

  // A route together with its counters for balancing.
  struct Entry;
  // nullptr when no such endpoint is in service. Shared; see ContainerRoute::native.
  std::shared_ptr<const Entry> find(std::string_view account, std::string_view region,
                                    std::string_view endpoint) const;
  static const EndpointRoute& route(const Entry& entry);

 private:
  friend class Inference;
  using Map = std::map<std::string, std::shared_ptr<const Entry>, std::less<>>;
  void replace(const std::string& key, std::shared_ptr<const Entry> entry);  // needs writers_ held

  std::mutex writers_;
  // Shared: a snapshot lives until its last reader is done.
  std::atomic<std::shared_ptr<const Map>> map_;
};

struct InferenceLimits {
  // Limit of a request's body, a response's body and a model's answer.
  std::size_t body_bytes_max = 64u << 20;
  std::chrono::seconds model_time{3600};
  // Time for a multi-model server to load a model and to unload others for it.
  std::chrono::seconds server_load_time{300};

  // SageMaker's limits, for `--strict-aws`: the service model's length of a body, and 60 s.
  static InferenceLimits aws();
};
// SageMaker's limit on requests to and responses of asynchronous endpoints.
inline constexpr std::size_t kQueuedBodyBytesMax = 1u << 30;

struct InvokeRequest {
  std::string account, region, endpoint;
  std::string caller;  // for streams: the principal's ARN, the owner in the budget of answers
  std::string content_type, accept;
  std::string target_variant, target_model, target_container;
  std::string component;   // of the inference component
  std::string session_id;  // "NEW_SESSION" begins a session
  std::string custom_attributes, inference_id;
  std::string body;
  bool from_queue = false;  // from InvokeEndpointAsync's queue: asynchronous endpoints allowed
  // Limits set by in-process callers such as queues and transform jobs; default: the server's.
  std::optional<InferenceLimits> limits = {};
};

struct InvokeAnswer {
  std::string body;
  std::shared_ptr<const void> held;  // wire::ClientResponse::held
  std::string content_type;
  std::string invoked_variant;
  std::string custom_attributes;  // set by the model; "": none
  std::string new_session_id, closed_session_id;
};

// Errors: ValidationError (no such endpoint or variant), ModelError 424 (with OriginalStatusCode,
// OriginalMessage and LogStreamArn in the details), ServiceUnavailable, ThrottlingException.
using InvokeResult = Result<InvokeAnswer>;

// InvokeEndpoint for callers inside the server. Thread-safe.
class InferenceInterface {
 public:
  virtual ~InferenceInterface() = default;
  // Call it on an event loop's thread. `done` is called exactly once, on that thread or another
  // one, possibly before this returns. Moves out of the request; by reference, because a request
  // has so many members that one more move of it is measurable.
  virtual void invoke(InvokeRequest&& request,
                      std::move_only_function<void(InvokeResult)> done) = 0;
  // Whether a model server answers GET /ping with 200 within kPingTime. Blocks; never on a loop.
  virtual bool ping(const ServerAddress& address) = 0;
  // The same without blocking, over a new connection, since a kept-alive one proves nothing about
  // new ones. `done` is called once, on a loop's thread.
  virtual void check(const ServerAddress& address,
                     std::move_only_function<void(PingAnswer)> done) = 0;
  virtual const InferenceLimits& limits() const = 0;
};

}  // namespace tidemill::services::sagemaker_runtime
