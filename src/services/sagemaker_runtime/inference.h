// InvokeEndpoint, asynchronous from socket to socket: no worker pool, no store.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "runtime/event_loops.h"
#include "runtime/worker_pool.h"
#include "services/sagemaker_runtime/interface.h"
#include "wire/client/http_client.h"

namespace tidemill::services::sagemaker_runtime {

// SageMaker's own limit on a request's and a response's body.
inline constexpr std::size_t kBodyBytesMax = 6u << 20;
inline constexpr std::chrono::seconds kModelTime{60};
inline constexpr std::chrono::seconds kPingTime{2};
// Requests that one model server's process may have under way or waiting.
inline constexpr int kRequestsPerInstanceMax = 256;
// Native predictions of larger bodies leave the event loop for a thread of their own.
inline constexpr std::size_t kInlineBodyBytesMax = 64u << 10;

struct InvokeRequest {
  std::string account, region, endpoint;
  std::string content_type, accept;
  std::string target_variant, custom_attributes, inference_id;
  std::string body;
};

struct InvokeAnswer {
  std::string body;
  std::string content_type;
  std::string invoked_variant;
  std::string custom_attributes;  // the model's; "" none
};

// Errors: ValidationError (no such endpoint or variant), ModelError 424 with OriginalStatusCode,
// OriginalMessage and LogStreamArn among the details, ServiceUnavailable.
using InvokeResult = Result<InvokeAnswer>;

// Thread-safe.
class Inference {
 public:
  // Borrows both. Destroying it fails what is under way.
  Inference(const RoutingTable& routes, runtime::EventLoops& loops);
  ~Inference();

  // On an event-loop thread; `done` comes exactly once, there or from another thread, maybe before
  // this returns.
  void invoke(InvokeRequest request, std::move_only_function<void(InvokeResult)> done);

  // GET /ping of a model server answers 200 within kPingTime. Blocks; not on a loop's thread.
  bool ping(std::uint16_t port);

  struct Counters {
    std::atomic<std::uint64_t> invocations = 0, model_errors = 0, refused = 0;
  };
  const Counters& counters() const { return counters_; }

 private:
  using Done = std::move_only_function<void(InvokeResult)>;
  using EntryPointer = std::shared_ptr<const RoutingTable::Entry>;
  struct Chosen;

  Result<Chosen> choose(const InvokeRequest& request);
  void invoke_native(Chosen chosen, InvokeRequest request, Done done);
  void invoke_process(Chosen chosen, InvokeRequest request, Done done);
  void answer(Done& done, InvokeResult result);

  const RoutingTable& routes_;
  Counters counters_;
  runtime::WorkerPool batches_;
  wire::HttpClient client_;
};

}  // namespace tidemill::services::sagemaker_runtime
