// InvokeEndpoint, asynchronous from socket to socket; uses neither the worker pool nor the store.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "base/shared_budget.h"
#include "runtime/event_loops.h"
#include "runtime/worker_pool.h"
#include "services/sagemaker_runtime/interface.h"
#include "services/sagemaker_runtime/sessions.h"
#include "services/sagemaker_runtime/streaming.h"
#include "wire/client/http_client.h"

namespace tidemill::services::platform {
class MetricRegistry;
}

namespace tidemill::services::sagemaker_runtime {

class Recorder;

inline constexpr std::chrono::seconds kPingTime{2};
// Limit of requests that one instance works on or that wait for it.
inline constexpr int kRequestsPerInstanceMax = 256;
static_assert(kRefusalPenaltyRequests < kRequestsPerInstanceMax);
// Limit of all invocations that wait for models to be loaded.
inline constexpr std::size_t kLoadWaitersMax = 1024;
// Limit of answers in memory, from the model's first byte to the client's last, beyond 64 KiB of
// each; a single model server or caller may use three quarters of it.
inline constexpr std::uint64_t kAnswerBytesMax = 1u << 30;
// How much of a streamed answer is captured; longer ones are captured with an empty output.
inline constexpr std::size_t kCapturedStreamBytesMax = 1u << 20;
// Limit of request copies that one shadow variant works on; further ones are dropped.
inline constexpr int kShadowRequestsMax = 64;
inline constexpr std::uint64_t kShadowBytesMax = 256u << 20;  // of the bodies of these copies
// Native predictions of larger bodies run on a thread of their own instead of the event loop.
inline constexpr std::size_t kInlineBodyBytesMax = 64u << 10;
// Limit of a prediction on an event loop, estimated from the time and minimal size of a row.
inline constexpr std::chrono::nanoseconds kInlineTimeMax = std::chrono::milliseconds(2);

struct InferenceCounters {
  std::atomic<std::uint64_t> invocations = 0, model_errors = 0, refused = 0;
  std::atomic<std::uint64_t> shadow_invocations = 0, shadow_dropped = 0;
  std::atomic<std::uint64_t> failovers = 0;           // requests passed on to another instance
  std::atomic<std::uint64_t> captures_too_large = 0;  // streams captured with an empty output
  void add_to(platform::MetricRegistry& metrics) const;
};

wire::Destination destination_of(const ServerAddress& address);

// Thread-safe.
class Inference final : public InferenceInterface {
 public:
  // Borrows its arguments; the destructor fails current requests. Null `recorder`: no capture.
  Inference(const RoutingTable& routes, runtime::EventLoops& loops, const Clock& clock,
            InferenceLimits limits, Recorder* recorder = nullptr);
  ~Inference() override;

  void invoke(InvokeRequest&& request, std::move_only_function<void(InvokeResult)> done) override;
  // The same for an answer that is streamed; `done` is called just before the first part.
  void invoke_streaming(InvokeRequest request, StreamDone done);

  bool ping(const ServerAddress& address) override;
  void check(const ServerAddress& address, std::move_only_function<void(PingAnswer)> done) override;

  const InferenceLimits& limits() const override { return limits_; }
  const InferenceCounters& counters() const { return counters_; }

 private:
  using Done = std::move_only_function<void(InvokeResult)>;
  struct Chosen;
  struct Invocation;
  struct Streaming;
  using Pointer = std::unique_ptr<Invocation>;
  class Loads;
  // Identifies the load that invocations wait for.
  struct LoadKey {
    const ModelSource* source = nullptr;  // kept alive by the invocation that loads
    std::string target;
    std::string server;  // the process that loads it; "": this process
    auto operator<=>(const LoadKey&) const = default;
  };

  Result<Chosen> choose(InvokeRequest& request);
  Result<void> choose_instance(Chosen& chosen, InvokeRequest& request);
  void start(Chosen&& chosen, InvokeRequest&& request, Done&& done);
  bool predict_at_once(const Chosen& chosen, InvokeRequest& request, Done& done);
  void run(Pointer invocation);
  void run_native(Pointer invocation, std::shared_ptr<const infer::Model> model);
  void run_on_demand(Pointer invocation);
  void run_process(Pointer invocation);
  void run_multi_model(Pointer invocation);
  void load_into_server(Pointer invocation);
  // Retries elsewhere if nothing reached the request's instance; returns whether it does.
  bool fail_over(Chosen& chosen, const Error& error);
  bool to_another_instance(Chosen& chosen, const Error& error);
  // Answers an invocation that waited for a load that failed, or tries elsewhere.
  void not_loaded(Pointer invocation, const std::string& target,
                  Result<wire::ClientResponse> failed);
  // Lets the invocation wait for `load`. Unless one with the same key is running, `load` runs on a
  // thread that may block; when done, it takes all invocations waiting for the key.
  void wait_for_load(LoadKey key, Pointer invocation,
                     std::move_only_function<void(const LoadKey&)> load);
  void loaded_on_demand(Pointer invocation,
                        const Result<std::shared_ptr<const infer::Model>>& loaded);
  // Runs work on a thread that may block; answers with `refusal` when the pool is full.
  void to_pool(runtime::WorkerPool& pool, Error refusal, Pointer invocation,
               std::move_only_function<void(Pointer)> work);
  void next(Pointer invocation, InvokeResult result);
  // Takes references, because moving a request and an answer costs more than the rest of it.
  void finish(const Chosen& chosen, InvokeRequest&& request, Done&& done, InvokeResult&& result);
  void note_session(const Chosen& chosen, const std::string& session_id,
                    const std::string& new_session_id, const std::string& closed_session_id);
  void stream_whole(Chosen&& chosen, InvokeRequest request, StreamDone done);
  void stream_from(const std::shared_ptr<Streaming>& streaming);
  void stream_head(const std::shared_ptr<Streaming>& streaming, int status, wire::Headers headers);
  void stream_end(const std::shared_ptr<Streaming>& streaming, Result<void> ended);
  void mirror(const Chosen& chosen, const InvokeRequest& request);
  wire::Destination destination(const Invocation& invocation) const;

  const RoutingTable& routes_;
  runtime::EventLoops& loops_;
  const Clock& clock_;
  const InferenceLimits limits_;
  Recorder* const recorder_;
  InferenceCounters counters_;
  std::atomic<std::uint64_t> shadow_bytes_{0};
  SharedBudget answer_bytes_{kAnswerBytesMax, kAnswerBytesMax / 4 * 3};
  Sessions sessions_;
  const std::unique_ptr<Loads> waiting_for_load_;
  runtime::WorkerPool batches_;  // predicts large bodies
  runtime::WorkerPool loads_;    // fetches and loads models; may wait for files and processes
  wire::HttpClient client_;
  wire::HttpClient checks_;  // keeps no connections open
};

}  // namespace tidemill::services::sagemaker_runtime
