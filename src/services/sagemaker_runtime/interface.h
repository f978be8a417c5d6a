// Which endpoints can be invoked, and where their models are: fed by services/sagemaker, read by
// every invocation without a lock. At the end: invocations by callers inside the server.
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

// Where a model server's process listens: a unix socket, or a port of the loopback interface.
struct ServerAddress {
  std::string socket_path;  // "" a port
  std::uint16_t port = 0;
  // Whose loopback interface; nullptr: this machine's. Shared: with requests on their way.
  std::shared_ptr<const runtime::NetworkNamespace> network = {};
};

// One container's process on one instance.
struct ServerRoute {
  ServerAddress address;
  std::string log_stream;  // "AllTraffic/i-0"
  std::string job = {};    // its process under compute/; "" nobody checks its health
  // It answers /ping while it works on requests, however many; else silence may be work.
  bool pings_while_busy = false;
};

// What came of one GET /ping.
struct PingAnswer {
  enum class Kind : std::uint8_t {
    good,     // 200
    bad,      // another status, or no HTTP
    refused,  // nobody listens, or whoever does hangs up
    silent,   // nothing within kPingTime
  };
  Kind kind = Kind::silent;
  std::string text = {};  // "status 500", for people
};

// Models that come into memory when they are asked for: the members of a multi-model container, by
// TargetModel, and the model of a serverless variant that scaled to zero, by "". Thread-safe.
class ModelSource {
 public:
  virtual ~ModelSource() = default;
  // Null when it is not in memory. Never blocks for long.
  virtual std::shared_ptr<const infer::Model> find(std::string_view target) = 0;
  // Fetches and loads it when it is not there. Blocks. ValidationError when there is no such model,
  // ModelError's message when it cannot be loaded, ServiceUnavailable when memory is short.
  virtual Result<std::shared_ptr<const infer::Model>> load(const std::string& target) = 0;
  // For a container that is a process: the target's unpacked folder, as the process sees it.
  virtual Result<std::string> fetch(const std::string& target) = 0;
};

struct ContainerRoute {
  std::string hostname;
  // Predicts in this process; null when `models` or the instances' servers answer. Shared: with the
  // snapshots that requests under way still hold.
  std::shared_ptr<const infer::Model> native;
  std::shared_ptr<ModelSource> models;  // null: not loaded on demand. Shared: as `native`.
  bool process = false;                 // each instance has a server for it
  bool multi_model = false;             // TargetModel says which
  infer::RequestOptions request;
  infer::ResponseOptions response;
};

struct InstanceRoute {
  std::vector<ServerRoute> servers;  // one a container; native containers' are not used
  // Shared: with whoever publishes it, with the routes before and after and with requests under
  // way. Null: the routing table makes one, and takes it over by the first server's log stream.
  std::shared_ptr<InstanceLoad> load = {};
};

struct VariantRoute {
  std::string name;
  std::string component;  // the inference component that it serves; "" none
  double weight = 1;
  // The output of one is the input of the next. None: only inference components answer.
  std::vector<ContainerRoute> containers;
  bool direct = false;                   // each is invoked by its hostname instead
  bool random_routing = false;           // else the instance with the fewest requests under way
  int concurrency_max = 0;               // of the whole variant (serverless); 0: none
  std::vector<InstanceRoute> instances;  // the ready ones
  // What it answers is captured; null: nothing. Shared: with requests under way.
  std::shared_ptr<const CaptureRoute> capture;
  bool needs_instance() const;  // some container is a process
};

struct EndpointRoute {
  std::string account, region, name;
  // Two may have the same name while a deployment shifts traffic between them.
  std::vector<VariantRoute> variants;
  // Get copies of requests, a share of weight over the sum of the variants' weights.
  std::vector<VariantRoute> shadows;
  bool asynchronous = false;  // InvokeEndpointAsync only
  // Inference components, asked for by name. Two may have the same while one is being updated.
  std::vector<VariantRoute> components = {};
  // Those that get no requests any more, but may have some under way.
  std::vector<InstanceRoute> leaving = {};
};

// Thread-safe.
class RoutingTable {
 public:
  RoutingTable();
  ~RoutingTable();

  // Replaces the endpoint's route; requests under way finish on the old one, and go on counting
  // against the limits of their variant and instance where the new one has those still.
  void put(EndpointRoute route);
  void remove(std::string_view account, std::string_view region, std::string_view endpoint);

  // A route with what balancing needs beside it.
  struct Entry;
  // nullptr when no such endpoint is in service. Shared: see ContainerRoute::native.
  std::shared_ptr<const Entry> find(std::string_view account, std::string_view region,
                                    std::string_view endpoint) const;
  static const EndpointRoute& route(const Entry& entry);

 private:
  friend class Inference;
  using Map = std::map<std::string, std::shared_ptr<const Entry>, std::less<>>;
  void replace(const std::string& key, std::shared_ptr<const Entry> entry);  // writers_ held

  std::mutex writers_;
  // Shared: the snapshot lives until its last reader is done.
  std::atomic<std::shared_ptr<const Map>> map_;
};

struct InferenceLimits {
  // Of a request's and of a response's body, and for a model's answer.
  std::size_t body_bytes_max = 64u << 20;
  std::chrono::seconds model_time{3600};
  // Of a multi-model container's server, to load a model and to unload others for it.
  std::chrono::seconds server_load_time{300};

  // SageMaker's own: 6 MiB and 60 s. For `--strict-aws`.
  static InferenceLimits aws() { return {6u << 20, std::chrono::seconds(60)}; }
};
// SageMaker's own limit on what asynchronous endpoints are asked and answer.
inline constexpr std::size_t kQueuedBodyBytesMax = 1u << 30;
struct InvokeRequest {
  std::string account, region, endpoint;
  std::string caller;  // the principal's ARN, whose budget a whole answer counts against
  std::string content_type, accept;
  std::string target_variant, target_model, target_container;
  std::string component;   // an inference component's name
  std::string session_id;  // "NEW_SESSION" begins one
  std::string custom_attributes, inference_id;
  std::string body;
  bool from_queue = false;  // asked by InvokeEndpointAsync's queue: also of asynchronous endpoints
  // Of one who asks from inside the server, as queues and transform jobs do; else the server's.
  std::optional<InferenceLimits> limits = {};
};

struct InvokeAnswer {
  std::string body;
  std::shared_ptr<const void> held;  // wire::ClientResponse::held
  std::string content_type;
  std::string invoked_variant;
  std::string custom_attributes;  // the model's; "" none
  std::string new_session_id, closed_session_id;
};

// Errors: ValidationError (no such endpoint or variant), ModelError 424 with OriginalStatusCode,
// OriginalMessage and LogStreamArn among the details, ServiceUnavailable, ThrottlingException.
using InvokeResult = Result<InvokeAnswer>;

// InvokeEndpoint for callers inside the server. Thread-safe.
class InferenceInterface {
 public:
  virtual ~InferenceInterface() = default;
  // On an event-loop thread; `done` comes exactly once, there or from another thread, maybe before
  // this returns.
  virtual void invoke(InvokeRequest request, std::move_only_function<void(InvokeResult)> done) = 0;
  // GET /ping of a model server answers 200 within kPingTime. Blocks; not on a loop's thread.
  virtual bool ping(const ServerAddress& address) = 0;
  // The same over a connection of its own, which a kept one says nothing about. Never blocks;
  // `done` comes once, on a loop's thread.
  virtual void check(const ServerAddress& address,
                     std::move_only_function<void(PingAnswer)> done) = 0;
  virtual const InferenceLimits& limits() const = 0;
};

}  // namespace tidemill::services::sagemaker_runtime
