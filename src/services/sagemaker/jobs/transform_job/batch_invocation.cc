#include "services/sagemaker/jobs/transform_job/batch_invocation.h"

#include <condition_variable>
#include <mutex>
#include <optional>

namespace tidemill::services::sagemaker::jobs {

namespace {

namespace runtime_service = sagemaker_runtime;

// Size limit for a batch and its answer. A batch has at most 100 MB; its answer may be larger.
constexpr std::size_t kBatchBytesMax = 1u << 30;

// State that the caller and the answer share: either may go away first.
struct Waiting {
  std::mutex mutex;
  std::condition_variable_any done;
  std::optional<runtime_service::InvokeResult> result;
};

}  // namespace

InvokeRoute batch_invocation(runtime_service::InferenceInterface& inference,
                             runtime::EventLoops& loops) {
  return [&inference, &loops](const std::string& account, const std::string& region,
                              const std::string& endpoint,
                              BatchModel::Request request) -> Result<std::string> {
    runtime_service::InvokeRequest asked;
    asked.account = account;
    asked.region = region;
    asked.endpoint = endpoint;
    asked.content_type = std::move(request.content_type);
    asked.accept = std::move(request.accept);
    asked.body = std::move(request.body);
    asked.from_queue = true;
    asked.limits = {kBatchBytesMax, request.timeout};
    // Shared ownership: see Waiting.
    auto waiting = std::make_shared<Waiting>();
    loops.nearest().post([&inference, waiting, asked = std::move(asked)]() mutable {
      inference.invoke(std::move(asked), [waiting](runtime_service::InvokeResult result) {
        std::lock_guard lock(waiting->mutex);
        waiting->result = std::move(result);
        waiting->done.notify_all();
      });
    });
    std::unique_lock lock(waiting->mutex);
    if (!waiting->done.wait(lock, request.stop, [&waiting] { return waiting->result.has_value(); }))
      return fail(codes::kCancelled, "the job stops");
    if (!*waiting->result) return fail(waiting->result->error());
    return std::move((*waiting->result)->body);
  };
}

}  // namespace tidemill::services::sagemaker::jobs
