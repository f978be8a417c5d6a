#include "services/sagemaker/jobs/transform_job/batch_pool.h"

#include <charconv>
#include <thread>

namespace tidemill::services::sagemaker::jobs {

namespace {

constexpr std::chrono::milliseconds kRetryDelayFirst{100};
constexpr std::chrono::milliseconds kRetryDelayMax{5'000};
constexpr std::chrono::milliseconds kStopPoll{50};
constexpr int kServerErrorFirst = 500;
constexpr int kTooManyRequests = 429;

int original_status(const Error& error) {
  auto found = error.details.find("OriginalStatusCode");
  int status = 0;
  if (found != error.details.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), status);
  return status;
}

std::string original_message(const Error& error) {
  auto found = error.details.find("OriginalMessage");
  return found == error.details.end() || found->second.empty() ? error.message : found->second;
}

bool is_clients_fault(int status) {
  return status >= 400 && status < kServerErrorFirst && status != kTooManyRequests;
}

}  // namespace

class BatchPool::Ticket {
 public:
  bool ready = false;
  BatchOutcome outcome;
};

BatchPool::BatchPool(BatchModel& model, const DataProcessing& processing, const TransformPlan& plan,
                     std::stop_token stop)
    : model_(model),
      processing_(processing),
      plan_(plan),
      stop_(std::move(stop)),
      pool_({"transform", plan.concurrency, 4 * plan.concurrency + 4}) {}

BatchPool::~BatchPool() { pool_.stop(); }

bool BatchPool::submit(Batch& batch, bool must, std::shared_ptr<Ticket>& ticket) {
  {
    std::lock_guard lock(mutex_);
    if (!must && under_way_ >= 2 * plan_.concurrency) return false;
    ++under_way_;
  }
  ticket = std::make_shared<Ticket>();
  // Shared: with the task, which may outlive a file that failed.
  auto moved = std::make_shared<Batch>(std::move(batch));
  runtime::WorkerPool::Task task = [this, moved, ticket] {
    BatchOutcome outcome = transform(std::move(*moved));
    std::lock_guard lock(mutex_);
    ticket->outcome = std::move(outcome);
    ticket->ready = true;
    done_.notify_all();
  };
  if (pool_.try_submit(std::move(task))) return true;
  // The pool is full or stops; a batch that must go is done right here.
  ticket->outcome = transform(std::move(*moved));
  ticket->ready = true;
  return true;
}

BatchOutcome BatchPool::wait(Ticket& ticket) {
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&ticket] { return ticket.ready; });
  --under_way_;
  return std::move(ticket.outcome);
}

std::expected<std::string, BatchPool::Refusal> BatchPool::ask_once(const std::string& body) const {
  Result<std::string> answer =
      model_.invoke({plan_.content_type, plan_.accept, body, plan_.timeout, stop_});
  if (answer) return std::move(*answer);
  const Error& error = answer.error();
  const int status = error.code == "ModelError" ? original_status(error) : 0;
  std::string text = original_message(error);
  if (status > 0) text = "the model answered " + std::to_string(status) + ": " + text;
  return std::unexpected(Refusal{std::move(text), status});
}

std::expected<std::string, BatchPool::Refusal> BatchPool::ask(const Batch& batch) const {
  Result<std::string> body = processing_.model_input(batch);
  if (!body) return std::unexpected(Refusal{body.error().message, 400});
  std::chrono::milliseconds delay = kRetryDelayFirst;
  for (int attempt = 0;; ++attempt) {
    auto answer = ask_once(*body);
    if (answer || is_clients_fault(answer.error().status) || attempt >= plan_.retries ||
        stop_.stop_requested())
      return answer;
    const auto until = std::chrono::steady_clock::now() + delay;
    while (!stop_.stop_requested() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::min(delay, kStopPoll));
    delay = std::min(2 * delay, kRetryDelayMax);
  }
}

Batch BatchPool::narrow(Batch batch, Refusal& refusal) const {
  while (batch.records.size() > 1 && !stop_.stop_requested()) {
    const std::size_t middle = batch.records.size() / 2;
    Batch half = batch.part(0, middle);
    auto answer = ask(half);
    if (answer) {
      half = batch.part(middle, batch.records.size());
      answer = ask(half);
      // Refused only together: the whole is the place.
      if (answer) return batch;
    }
    if (!is_clients_fault(answer.error().status)) return batch;
    refusal = answer.error();
    batch = std::move(half);
  }
  return batch;
}

BatchOutcome BatchPool::transform(Batch batch) const {
  BatchOutcome out;
  out.records = batch.records.size();
  if (stop_.stop_requested()) {
    out.failure = "the job stops";
    return out;
  }
  auto answer = ask(batch);
  if (!answer) {
    Refusal refusal = answer.error();
    out.model_fault = !is_clients_fault(refusal.status);
    if (!out.model_fault) batch = narrow(std::move(batch), refusal);
    out.failure = batch.where() + ": " + refusal.text;
    return out;
  }
  if (Result<void> good = processing_.append_output(batch, *answer, out.output); !good)
    out.failure = batch.where() + ": " + good.error().message;
  return out;
}

}  // namespace tidemill::services::sagemaker::jobs
