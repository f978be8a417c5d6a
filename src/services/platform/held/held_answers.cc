#include "services/platform/held/held_answers.h"

#include <vector>

#include "base/log.h"

namespace tidemill::services::platform {
namespace {

// One changed record wakes every answer that waits for it. Looks run on threads of their own, so
// that other calls do not queue behind thousands of them.
constexpr std::size_t kThreads = 2;

// A look that throws has been answered: dropping its responder gives the error.
bool look_safely(HeldAnswers::Look& look, bool last) {
  try {
    return look(last);
  } catch (const std::exception& error) {
    log::error("a held answer threw", {{"what", error.what()}});
    return true;
  }
}

}  // namespace

struct HeldAnswers::Held {
  enum class State : std::uint8_t { waits, queued, looks, given };

  const std::string topic;
  const Clock::time_point until;
  Look look;  // used only by the thread that set State::looks
  std::mutex mutex;
  State state = State::looks;  // guarded by mutex, like everything below
  bool again = false;          // changed() came during the look
  bool last = false;
  // Guarded by HeldAnswers::mutex_.
  std::optional<std::multimap<std::string_view, Pointer>::iterator> topic_place;
  std::optional<std::multimap<Clock::time_point, Pointer>::iterator> time_place;

  Held(std::string of, Clock::time_point at_most, Look how)
      : topic(std::move(of)), until(at_most), look(std::move(how)) {}
};

// Each held answer is in the queue at most once, so the queue has room for all of them.
HeldAnswers::HeldAnswers(HeldOptions options)
    : options_(options),
      pool_({.name = "held", .threads = kThreads, .queue_max = options.held_max}),
      time_([this] { watch_time(); }) {}

HeldAnswers::~HeldAnswers() { stop(); }

void HeldAnswers::hold(std::string topic, Clock::time_point until, Look look) {
  auto held = std::make_shared<Held>(std::move(topic), until, std::move(look));
  if (until <= Clock::now() || !add(held)) held->last = true;
  this->look(held);
}

bool HeldAnswers::add(const Pointer& held) {
  std::lock_guard lock(mutex_);
  if (stopping_ || by_topic_.size() >= options_.held_max) return false;
  held->topic_place = by_topic_.emplace(held->topic, held);
  held->time_place = by_time_.emplace(held->until, held);
  const bool first = *held->time_place == by_time_.begin();
  held_.store(by_topic_.size(), std::memory_order_seq_cst);
  if (first) wake_time_.notify_one();
  return true;
}

void HeldAnswers::remove(const Pointer& held) {
  std::lock_guard lock(mutex_);
  if (held->topic_place) by_topic_.erase(*held->topic_place);
  if (held->time_place) by_time_.erase(*held->time_place);
  held->topic_place.reset();
  held->time_place.reset();
  held_.store(by_topic_.size(), std::memory_order_seq_cst);
}

void HeldAnswers::changed(const std::string& topic) {
  if (held_.load(std::memory_order_seq_cst) == 0) return;
  std::vector<Pointer> waiting;
  {
    std::lock_guard lock(mutex_);
    auto found = by_topic_.equal_range(topic);
    for (auto at = found.first; at != found.second; ++at) waiting.push_back(at->second);
  }
  for (const Pointer& held : waiting) wake(held, false);
}

void HeldAnswers::wake(const Pointer& held, bool last) {
  {
    std::lock_guard lock(held->mutex);
    held->last = held->last || last;
    if (held->state == Held::State::looks) held->again = true;
    if (held->state != Held::State::waits) return;
    held->state = Held::State::queued;
  }
  // Submitting fails only after stop() was called, and stop() gives the answer itself.
  (void)pool_.try_submit([this, held] {
    {
      std::lock_guard lock(held->mutex);
      held->state = Held::State::looks;
    }
    look(held);
  });
}

// At most one thread at a time is in State::looks.
void HeldAnswers::look(const Pointer& held) {
  for (;;) {
    bool last = false;
    {
      std::lock_guard lock(held->mutex);
      held->again = false;
      last = held->last;
    }
    const bool given = look_safely(held->look, last) || last;
    {
      std::lock_guard lock(held->mutex);
      if (!given && held->again) continue;
      held->state = given ? Held::State::given : Held::State::waits;
    }
    if (!given) return;
    remove(held);
    held->look = nullptr;
    return;
  }
}

void HeldAnswers::watch_time() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (by_time_.empty()) {
      wake_time_.wait(lock);
      continue;
    }
    auto first = by_time_.begin();
    if (const Clock::time_point due = first->first; due > Clock::now()) {
      wake_time_.wait_until(lock, due);
      continue;
    }
    Pointer held = first->second;
    held->time_place.reset();
    by_time_.erase(first);
    lock.unlock();
    wake(held, true);
    lock.lock();
  }
}

void HeldAnswers::stop() {
  std::vector<Pointer> waiting;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    for (const auto& [topic, held] : by_topic_) {
      waiting.push_back(held);
      held->time_place.reset();
    }
    by_time_.clear();
    wake_time_.notify_all();
  }
  if (time_.joinable()) time_.join();
  // Running looks finish; queued ones are dropped and done below.
  pool_.stop();
  for (const Pointer& held : waiting) {
    {
      std::lock_guard lock(held->mutex);
      held->last = true;
      held->again = true;
      // Only hold() can still be looking, and it will see `last` before it returns.
      if (held->state == Held::State::looks || held->state == Held::State::given) continue;
      held->state = Held::State::looks;
    }
    look(held);
  }
}

}  // namespace tidemill::services::platform
