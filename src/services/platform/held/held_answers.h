// Answers that wait for a change, such as a Describe of a job that is about to end or a long poll.
// Each holds a closure and no thread.
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
#include "services/platform/handlers/handlers.h"

namespace tidemill::services::platform {

struct HeldOptions {
  // The limit of answers that wait at once; further ones are answered immediately.
  std::size_t held_max = 20'000;
};

// Thread-safe.
class HeldAnswers {
 public:
  using Clock = std::chrono::steady_clock;
  // Checks, on a thread of this class, whether the answer can be given; returns true when it gave
  // it. With `last` (time is up or the server stops) it must give an answer.
  using Look = std::move_only_function<bool(bool last)>;

  explicit HeldAnswers(HeldOptions options = {});
  // Calls stop().
  ~HeldAnswers();

  // Looks at once on this thread, since the change may have happened already, then after each
  // changed() of the topic, and finally at `until`. When too many answers wait already or `until`
  // has passed, the first look is the last one.
  void hold(std::string topic, Clock::time_point until, Look look);
  // Announces a change of the topic. Cheap when no answer waits for it; never blocks.
  void changed(const std::string& topic);
  // Gives every held answer, on this thread. Idempotent.
  void stop();

  std::size_t held() const { return held_.load(std::memory_order_relaxed); }

 private:
  struct Held;
  using Pointer = std::shared_ptr<Held>;  // shared by the maps and the thread that looks

  bool add(const Pointer& held);
  void remove(const Pointer& held);
  void wake(const Pointer& held, bool last);
  void look(const Pointer& held);
  void watch_time();

  const HeldOptions options_;
  std::atomic<std::size_t> held_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_time_;
  bool stopping_ = false;                              // guarded by mutex_, like everything below
  std::multimap<std::string_view, Pointer> by_topic_;  // the key lies in the Held
  std::multimap<Clock::time_point, Pointer> by_time_;
  runtime::WorkerPool pool_;
  std::thread time_;
};

// When a held answer must be given: at `wanted`, or a moment before the call's own deadline.
inline HeldAnswers::Clock::time_point held_until(const Context& context,
                                                 HeldAnswers::Clock::time_point wanted) {
  constexpr std::chrono::milliseconds kDeadlineMargin{500};
  if (context.deadline == HeldAnswers::Clock::time_point()) return wanted;
  return std::min(wanted, context.deadline - kDeadlineMargin);
}

// A Describe of a record that is about to change.
template <class Record, class Output>
struct HeldDescribe {
  std::function<Result<Record>()> load;
  // Returns true while the record is still in a state that the caller prefers to wait out.
  std::function<bool(const Record&)> waits;
  std::function<Result<Output>(const Record&)> describe;
};

// Returns a look that answers with the result of `answer(last)` unless that is nullopt:
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

// Answers when `describe.waits` returns false, when the record is gone (with the error of `load`),
// or at `until`. `topic` is the one that changed() names for the record.
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
