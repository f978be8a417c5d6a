#include "services/sagemaker/hosting/async_inference/dispatcher.h"

#include <algorithm>

#include "base/log.h"
#include "engine/transitions.h"
#include "services/sagemaker/common/s3_uri.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace events = async_events;

// S3's content type of objects that have none of their own.
constexpr const char* kNoContentType = "binary/octet-stream";

// Another try will not change it: the request or the endpoint is wrong.
bool is_the_users(const Error& error) {
  return !error.code.starts_with("Tidemill.") && error.code != "InternalError" &&
         error.code != "InsufficientStorage" && error.code != "ServiceUnavailable" &&
         error.code != "SlowDown";
}

bool had_no_room(const Error& error) {
  return error.code == "ServiceUnavailable" || error.code == "ThrottlingException" ||
         error.code == "ModelNotReadyException";
}

}  // namespace

AsyncDispatcher::AsyncDispatcher(store::Store& store, engine::Engine& engine, AsyncPorts ports,
                                 AsyncOptions options)
    : store_(store),
      engine_(engine),
      ports_(std::move(ports)),
      options_(options),
      // Each invocation under way has at most one step in the pool.
      pool_({"async", options.io_threads, std::size_t(options.running_max) * 2}) {}

AsyncDispatcher::~AsyncDispatcher() { stop(); }

void AsyncDispatcher::start() {
  scope_.spawn("async-dispatch", [this](std::stop_token stop) { run(std::move(stop)); });
}

void AsyncDispatcher::stop() {
  std::set<std::string> under_way;
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  wake_.notify_all();
  scope_.stop();
  pool_.stop();
  {
    std::lock_guard lock(mutex_);
    under_way.swap(under_way_);
  }
  // A stop is no attempt; where the store does not take it, the next start counts one.
  for (const std::string& key : under_way)
    (void)engine_.send(kAsyncMachine, key, engine::event_of(events::Released{}));
}

std::string AsyncDispatcher::name_of(const AsyncInvocation& invocation) {
  return store::key({invocation.account, invocation.region, invocation.endpoint});
}

bool AsyncDispatcher::has_room(const AsyncInvocation& invocation) const {
  std::lock_guard lock(mutex_);
  if (waiting_ >= options_.queued_max) return false;
  auto found = queues_.find(name_of(invocation));
  return found == queues_.end() || found->second.keys.size() < options_.queued_per_endpoint_max;
}

void AsyncDispatcher::put_back(const AsyncInvocation& invocation, const std::string& key) {
  Queue& queue = queues_[name_of(invocation)];
  queue.account = invocation.account;
  queue.region = invocation.region;
  queue.endpoint = invocation.endpoint;
  if (queue.keys.insert(key).second) ++waiting_;
}

void AsyncDispatcher::add(const AsyncInvocation& invocation) {
  {
    std::lock_guard lock(mutex_);
    put_back(invocation, async_invocation_key(invocation));
    look_ = true;
  }
  wake_.notify_one();
}

void AsyncDispatcher::remove(const AsyncInvocation& invocation) {
  std::lock_guard lock(mutex_);
  auto found = queues_.find(name_of(invocation));
  if (found == queues_.end()) return;
  waiting_ -= found->second.keys.erase(async_invocation_key(invocation));
  drop_if_idle(found->first);
}

void AsyncDispatcher::drop_if_idle(const std::string& name) {
  auto found = queues_.find(name);
  if (found != queues_.end() && found->second.keys.empty() && found->second.running == 0)
    queues_.erase(found);
}

std::vector<AsyncDispatcher::Backlog> AsyncDispatcher::backlog() const {
  std::lock_guard lock(mutex_);
  std::vector<Backlog> all;
  for (const auto& [name, queue] : queues_)
    all.push_back({queue.account, queue.region, queue.endpoint, queue.keys.size(), queue.running});
  return all;
}

std::vector<std::string> AsyncDispatcher::due_queues(SteadyTime now) {
  std::vector<std::string> due;
  for (const auto& [name, queue] : queues_)
    if (!queue.keys.empty() && queue.not_before <= now) due.push_back(name);
  // Each begins once, so that none is for ever behind a busy one.
  if (!due.empty()) std::ranges::rotate(due, due.begin() + std::ptrdiff_t(turn_++ % due.size()));
  return due;
}

void AsyncDispatcher::run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    std::vector<std::string> due;
    {
      std::unique_lock lock(mutex_);
      const auto woken = [this] { return look_ || stopped_; };
      // Instances come and go without a word: what waits is looked at again.
      if (waiting_ > 0)
        wake_.wait_for(lock, options_.look_interval, woken);
      else
        wake_.wait(lock, woken);
      if (stopped_) return;
      look_ = false;
      due = due_queues(std::chrono::steady_clock::now());
    }
    for (const std::string& name : due) dispatch(name);
  }
}

void AsyncDispatcher::dispatch(const std::string& name) {
  std::string account, region, endpoint;
  {
    std::lock_guard lock(mutex_);
    auto found = queues_.find(name);
    if (found == queues_.end()) return;
    account = found->second.account;
    region = found->second.region;
    endpoint = found->second.endpoint;
  }
  Result<AsyncTarget> target = ports_.look_up(account, region, endpoint);
  if (!target) {
    log::warning("an asynchronous endpoint cannot be looked up",
                 {{"endpoint", endpoint}, {"reason", target.error().message}});
    return;
  }
  // Invocations of an endpoint that is gone need no instance: they only get a failure.
  const int takes = target->kind == AsyncTarget::Kind::asynchronous
                        ? target->instances * target->concurrent_invocations_per_instance
                        : int(options_.io_threads);
  std::lock_guard lock(mutex_);
  auto found = queues_.find(name);
  if (found == queues_.end()) return;
  Queue& queue = found->second;
  while (!stopped_ && !queue.keys.empty() && queue.running < takes &&
         running_ < options_.running_max) {
    auto running = std::make_shared<Running>();
    running->key = *queue.keys.begin();
    running->invocation.account = account;
    running->invocation.region = region;
    running->invocation.endpoint = endpoint;
    running->target = *target;
    runtime::WorkerPool::Task step = [this, running] { begin(running); };
    if (!pool_.try_submit(std::move(step))) return;
    queue.keys.erase(queue.keys.begin());
    --waiting_;
    ++queue.running;
    ++running_;
  }
}

void AsyncDispatcher::begin(const RunningPointer& running) {
  auto row = async_invocations().get(store_, running->key);
  if (!row) return leave(*running, Leaving::no_room);
  if (!*row || (*row)->record.phase != AsyncPhase::queued) return leave(*running, Leaving::done);
  running->invocation = (*row)->record;
  if (running->target.kind != AsyncTarget::Kind::asynchronous) {
    const bool gone = running->target.kind == AsyncTarget::Kind::gone;
    return settle(
        running,
        engine::event_of(events::Failed{"The endpoint " + running->invocation.endpoint +
                                        (gone ? " was deleted" : " is not asynchronous any more") +
                                        " before the request was processed."}));
  }
  std::string content_type = running->invocation.content_type;
  Result<std::string> body = fetch(*running, content_type);
  if (!body && body.error().code == codes::kOverloaded) return leave(*running, Leaving::no_room);
  if (!body && !is_the_users(body.error())) return leave(*running, Leaving::no_room);
  if (!body) return settle(running, engine::event_of(events::Failed{body.error().message}));
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    under_way_.insert(running->key);
  }
  Result<bool> applied =
      engine_.send(kAsyncMachine, running->key, engine::event_of(events::Dispatched{}));
  if (!applied || !*applied) {
    {
      std::lock_guard lock(mutex_);
      under_way_.erase(running->key);
    }
    // Stale: it expired meanwhile.
    return leave(*running, applied ? Leaving::done : Leaving::no_room);
  }
  invoke(running, std::move(*body), std::move(content_type));
}

bool AsyncDispatcher::reserve_bytes(Running& running, std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  // One is always let through, however large.
  if (running_bytes_ > 0 && running_bytes_ + bytes > options_.running_bytes_max) return false;
  running_bytes_ += bytes;
  running.bytes = bytes;
  return true;
}

Result<std::string> AsyncDispatcher::fetch(Running& running, std::string& content_type) {
  const AsyncInvocation& invocation = running.invocation;
  if (invocation.input_location.empty()) return invocation.inline_body.bytes;
  const std::string where = "The input " + invocation.input_location;
  const S3Uri uri = TRY(parse_s3_uri(invocation.input_location));
  auto s3 = ports_.s3_as(role_use(running.invocation));
  auto failed = [&](const Error& error) {
    return fail(error.code, where + " cannot be read: " + error.message);
  };
  Result<s3::ObjectInfo> info = s3->head_object(invocation.account, uri.bucket, uri.key);
  if (!info) return failed(info.error());
  if (info->size_bytes > options_.input_bytes_max)
    return fail("ValidationError", where + " has " + std::to_string(info->size_bytes) +
                                       " bytes; at most " +
                                       std::to_string(options_.input_bytes_max) + " are possible.");
  if (!reserve_bytes(running, info->size_bytes))
    return fail(codes::kOverloaded, "inputs of other invocations take all the memory they may");
  Result<s3::ObjectBody> object = s3->get_object(invocation.account, uri.bucket, uri.key);
  if (!object) return failed(object.error());
  Result<std::string> body = read_all(*object->bytes, info->size_bytes);
  // Larger than a moment ago: it was replaced.
  if (!body && body.error().code == codes::kOverloaded) return body;
  if (!body) return failed(body.error());
  if (content_type.empty() && object->info.content_type != kNoContentType)
    content_type = object->info.content_type;
  return body;
}

void AsyncDispatcher::invoke(const RunningPointer& running, std::string body,
                             std::string content_type) {
  const AsyncInvocation& invocation = running->invocation;
  AsyncCall call{invocation.account,      invocation.region, invocation.endpoint,
                 std::move(content_type), invocation.accept, invocation.custom_attributes,
                 invocation.inference_id, std::move(body),   invocation.timeout_seconds};
  ports_.invoke(std::move(call), [this, running](Result<AsyncAnswer> answer) {
    runtime::WorkerPool::Task step = [this, running, answer = std::move(answer)]() mutable {
      finish(running, std::move(answer));
    };
    // Refused only when it stops; stop() gives the invocation back.
    (void)pool_.try_submit(std::move(step));
  });
}

void AsyncDispatcher::finish(const RunningPointer& running, Result<AsyncAnswer> answer) {
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
  }
  if (!answer && had_no_room(answer.error()))
    return settle(running, engine::event_of(events::Released{}));
  if (!answer && answer.error().code.starts_with("Tidemill."))
    return settle(running, engine::event_of(events::Interrupted{answer.error().message}));
  if (!answer) return settle(running, engine::event_of(events::Failed{answer.error().message}));
  Result<void> stored = store_output(*running, std::move(*answer));
  if (!stored) {
    const std::string reason = "The output " + running->invocation.output_location +
                               " cannot be written: " + stored.error().message;
    return settle(running, is_the_users(stored.error())
                               ? engine::event_of(events::Failed{reason})
                               : engine::event_of(events::Interrupted{reason}));
  }
  Result<void> erased = engine_.erase(kAsyncMachine, running->key);
  // It would be done once more after the next start, with the same output.
  if (!erased)
    log::warning("an asynchronous invocation that is done cannot be removed",
                 {{"endpoint", running->invocation.endpoint}, {"reason", erased.error().message}});
  counters.completed += 1;
  leave(*running, Leaving::done);
}

Result<void> AsyncDispatcher::store_output(const Running& running, AsyncAnswer answer) {
  const S3Uri uri = TRY(parse_s3_uri(running.invocation.output_location));
  StringSource bytes(std::move(answer.body));
  Result<s3::ObjectInfo> stored = ports_.s3_as(role_use(running.invocation))
                                      ->put_object(running.invocation.account, uri.bucket, uri.key,
                                                   bytes, {.content_type = answer.content_type});
  if (!stored) return fail(stored.error());
  return {};
}

void AsyncDispatcher::settle(const RunningPointer& running, const engine::Event& event) {
  Result<bool> applied = engine_.send(kAsyncMachine, running->key, event);
  if (!applied && applied.error().code != codes::kNotFound)
    log::warning("an asynchronous invocation's outcome cannot be recorded",
                 {{"endpoint", running->invocation.endpoint},
                  {"event", event.type},
                  {"reason", applied.error().message}});
  if (event.type == events::kReleased) return leave(*running, Leaving::no_room);
  leave(*running, event.type == events::kInterrupted ? Leaving::again : Leaving::done);
}

void AsyncDispatcher::leave(const Running& running, Leaving how) {
  {
    std::lock_guard lock(mutex_);
    under_way_.erase(running.key);
    --running_;
    running_bytes_ -= running.bytes;
    auto found = queues_.find(name_of(running.invocation));
    if (found != queues_.end()) {
      --found->second.running;
      if (how == Leaving::no_room)
        found->second.not_before = std::chrono::steady_clock::now() + options_.look_interval;
    }
    // One that failed instead of waiting again is found so when its turn comes.
    if (how != Leaving::done) put_back(running.invocation, running.key);
    drop_if_idle(name_of(running.invocation));
    look_ = true;
  }
  wake_.notify_one();
}

}  // namespace tidemill::services::sagemaker::hosting
