// Answers that wait for something to change: a Describe of a job that is about to end, a long poll.
// They hold a closure, and no thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "runtime/worker_pool.h"
#include "services/service.h"

namespace tidemill::services::platform {

struct HeldOptions {
  // Answers that wait at the same time; a further one is not held.
  std::size_t held_max = 20'000;
};

// Thread-safe.
class HeldAnswers {
 public:
  using Clock = std::chrono::steady_clock;
  // Looks whether the answer can be given, on a thread of this class; returns true when it gave it.
  // `last`: the time is over or the server stops; then it must give one.
  using Look = std::move_only_function<bool(bool last)>;

  explicit HeldAnswers(HeldOptions options = {});
  // Calls stop().
  ~HeldAnswers();

  // Looks at once on this thread, since the change may have come in between, then after each
  // changed() of the topic, at the latest at `until`. When too many wait already, or the time is
  // over, the first look is the last.
  void hold(std::string topic, Clock::time_point until, Look look);
  // Something about the topic is different now. Cheap when nobody waits; never blocks.
  void changed(const std::string& topic);
  // Every held answer is given, on this thread. Idempotent.
  void stop();

  std::size_t held() const { return held_.load(std::memory_order_relaxed); }

 private:
  struct Held;
  using Pointer = std::shared_ptr<Held>;  // shared: the maps, and whoever looks

  bool add(const Pointer& held);
  void remove(const Pointer& held);
  void wake(const Pointer& held, bool last);
  void look(const Pointer& held);
  void watch_time();

  const HeldOptions options_;
  std::atomic<std::size_t> held_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_time_;
  bool stopping_ = false;                              // guarded by mutex_, as all below
  std::multimap<std::string_view, Pointer> by_topic_;  // the key lies in the Held
  std::multimap<Clock::time_point, Pointer> by_time_;
  runtime::WorkerPool pool_;
  std::thread time_;
};

// When a held answer is due at the latest: `wanted`, or a moment before the call's own deadline.
inline HeldAnswers::Clock::time_point held_until(const Context& context,
                                                 HeldAnswers::Clock::time_point wanted) {
  constexpr std::chrono::milliseconds kDeadlineMargin{500};
  if (context.deadline == HeldAnswers::Clock::time_point()) return wanted;
  return std::min(wanted, context.deadline - kDeadlineMargin);
}

// A Describe of a record that is on its way.
template <class Record, class Output>
struct HeldDescribe {
  std::function<Result<Record>()> load;
  // Whether the record is still what the caller would rather not hear of.
  std::function<bool(const Record&)> waits;
  std::function<Result<Output>(const Record&)> describe;
};

// A look that answers with what `answer(last)` returns, once that is not nullopt:
//   std::optional<Result<Output>> answer(bool last)
template <class Output, class F>
HeldAnswers::Look answer_with(Respond<Output> respond, F answer) {
  return [respond = std::move(respond), answer = std::move(answer)](bool last) mutable {
    std::optional<Result<Output>> result = answer(last);
    if (!result) return false;
    respond(*result);
    return true;
  };
}

// Answers when `describe.waits` no longer holds, when the record is gone (the error of `load`), or
// at `until`. `topic`: as changed() is told of the record.
template <class Record, class Output>
void hold_describe(HeldAnswers& held, const Context& context, std::string topic,
                   HeldAnswers::Clock::time_point until, HeldDescribe<Record, Output> describe,
                   Respond<Output> respond) {
  held.hold(
      std::move(topic), held_until(context, until),
      answer_with(std::move(respond),
                  [describe = std::move(describe)](bool last) -> std::optional<Result<Output>> {
                    Result<Record> now = describe.load();
                    if (!now) return std::unexpected(std::move(now).error());
                    if (!last && describe.waits(*now)) return std::nullopt;
                    return describe.describe(*now);
                  }));
}

}  // namespace tidemill::services::platform
