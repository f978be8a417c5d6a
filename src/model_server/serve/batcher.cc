#include "model_server/serve/batcher.h"

#include "runtime/thread_name.h"

namespace tidemill::model_server {
namespace {

// The common first dimension of all the request's inputs; 0 when they differ.
std::int64_t rows_of(const Tensors& tensors) {
  for (const Tensor& tensor : tensors)
    if (tensor.shape.empty() || tensor.shape[0] != tensors[0].shape[0]) return 0;
  return tensors.empty() ? 0 : tensors[0].shape[0];
}

std::size_t bytes_of(const Tensors& tensors) {
  std::size_t bytes = 0;
  for (const Tensor& tensor : tensors) bytes += tensor.data.size();
  return bytes;
}

bool alike_but_for_rows(const Tensors& a, const Tensors& b) {
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!std::equal(a[i].shape.begin() + 1, a[i].shape.end(), b[i].shape.begin() + 1,
                    b[i].shape.end()))
      return false;
  return true;
}

// The rows from `first` on of a tensor with `rows` rows.
Tensor slice(const Tensor& tensor, std::int64_t rows, std::int64_t first, std::int64_t count) {
  const std::size_t row_bytes = tensor.data.size() / static_cast<std::size_t>(rows);
  Tensor out{tensor.type, tensor.shape,
             tensor.data.substr(static_cast<std::size_t>(first) * row_bytes,
                                static_cast<std::size_t>(count) * row_bytes)};
  out.shape[0] = count;
  return out;
}

}  // namespace

Batcher::Batcher(Runner& runner, BatcherOptions options)
    : runner_(runner), options_(options), thread_([this] { work(); }) {}

Batcher::~Batcher() { stop(); }

bool Batcher::try_submit(Tensors& inputs, Done& done) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || waiting_.size() >= options_.waiting_max) return false;
    waiting_.push_back({std::move(inputs), std::move(done)});
  }
  wake_.notify_one();
  return true;
}

void Batcher::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  std::vector<Job> left;
  {
    std::lock_guard lock(mutex_);
    left.swap(waiting_);
  }
  for (Job& job : left) job.done(fail(codes::kCancelled, "the model server is stopping"));
}

void Batcher::work() {
  runtime::set_thread_name("batcher");
  for (;;) {
    std::vector<Job> jobs;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      jobs.swap(waiting_);
    }
    run_all(jobs);
  }
}

void Batcher::run_all(std::vector<Job>& jobs) {
  std::vector<Job*> joined;
  std::int64_t rows = 0;
  std::size_t bytes = 0;
  auto flush = [&] {
    if (!joined.empty()) run_joined(joined);
    joined.clear();
    rows = 0;
    bytes = 0;
  };
  for (Job& job : jobs) {
    const std::int64_t job_rows = options_.join ? rows_of(job.inputs) : 0;
    if (job_rows == 0) {
      run_alone(job);
      continue;
    }
    const std::size_t job_bytes = bytes_of(job.inputs);
    const bool fits = joined.empty() || (rows + job_rows <= options_.rows_max &&
                                         bytes + job_bytes <= options_.bytes_max &&
                                         alike_but_for_rows(joined[0]->inputs, job.inputs));
    if (!fits) flush();
    joined.push_back(&job);
    rows += job_rows;
    bytes += job_bytes;
  }
  flush();
}

void Batcher::run_alone(Job& job) {
  runs_.fetch_add(1, std::memory_order_relaxed);
  job.done(runner_.run(job.inputs));
}

void Batcher::run_joined(std::vector<Job*>& jobs) {
  if (jobs.size() == 1) return run_alone(*jobs[0]);
  Tensors inputs = jobs[0]->inputs;
  for (std::size_t i = 1; i < jobs.size(); ++i)
    for (std::size_t at = 0; at < inputs.size(); ++at) {
      inputs[at].data += jobs[i]->inputs[at].data;
      inputs[at].shape[0] += jobs[i]->inputs[at].shape[0];
    }
  const std::int64_t rows = inputs[0].shape[0];
  runs_.fetch_add(1, std::memory_order_relaxed);
  Result<Tensors> outputs = runner_.run(inputs);
  if (!outputs || rows_of(*outputs) != rows) {
    // One request fails the run, or rows affect each other after all: run each alone.
    for (Job* job : jobs) run_alone(*job);
    return;
  }
  std::int64_t first = 0;
  for (Job* job : jobs) {
    const std::int64_t count = job->inputs[0].shape[0];
    Tensors own;
    for (const Tensor& output : *outputs) own.push_back(slice(output, rows, first, count));
    first += count;
    job->done(std::move(own));
  }
}

}  // namespace tidemill::model_server
