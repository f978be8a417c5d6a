// The threads that put a transform job's batches through its model.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>

#include "runtime/worker_pool.h"
#include "services/sagemaker/jobs/transform_job/batch_model.h"
#include "services/sagemaker/jobs/transform_job/data/data_processing.h"
#include "services/sagemaker/jobs/transform_job/rules.h"

namespace tidemill::services::sagemaker::jobs {

// A batch on its way: what becomes of it.
struct BatchOutcome {
  std::string output;        // for the output file
  std::string failure;       // "" none: "line 7: the model answered 400: ..."
  bool model_fault = false;  // of a failure: the model's own doing (5xx, no answer), not the data's
  std::uint64_t records = 0;
};

// Thread-safe.
class BatchPool {
 public:
  // Borrows all. `stop` ends waits for retries.
  BatchPool(BatchModel& model, const DataProcessing& processing, const TransformPlan& plan,
            std::stop_token stop);
  ~BatchPool();

  class Ticket;
  // Takes the batch; the outcome comes through the ticket. At most twice as many batches as the
  // model takes at once are under way: false, and the batch stays, past that unless `must`.
  bool submit(Batch& batch, bool must, std::shared_ptr<Ticket>& ticket);
  BatchOutcome wait(Ticket& ticket);

 private:
  struct Refusal {
    std::string text;
    int status = 0;  // the model's; 0: it did not answer
  };
  BatchOutcome transform(Batch batch) const;
  // The answer, or why there is none after all retries.
  std::expected<std::string, Refusal> ask(const Batch& batch) const;
  std::expected<std::string, Refusal> ask_once(const std::string& body) const;
  // The smallest part of a refused batch that is refused by itself.
  Batch narrow(Batch batch, Refusal& refusal) const;

  BatchModel& model_;
  const DataProcessing& processing_;
  const TransformPlan& plan_;
  const std::stop_token stop_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t under_way_ = 0;  // submitted and not yet waited for
  runtime::WorkerPool pool_;
};

}  // namespace tidemill::services::sagemaker::jobs
