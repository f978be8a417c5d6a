#include "services/platform/sweeps/sweeps.h"

#include <algorithm>
#include <cstdlib>

#include "base/log.h"

namespace tidemill::services::platform {
namespace {

// Catches exceptions, which would otherwise leave the sweep marked as running forever.
Result<void> run_caught(const Sweeps::Work& work) {
  try {
    return work();
  } catch (const std::exception& error) {
    return fail(codes::kInvalid, std::string("an exception: ") + error.what());
  }
}

}  // namespace

Sweeps::Sweeps() : pool_({"sweeps", kSweepThreads, kSweepsMax}) {}

void Sweeps::add(std::string name, std::chrono::milliseconds interval, Work work) {
  std::lock_guard lock(mutex_);
  for (const auto& sweep : sweeps_)
    if (sweep->state.name == name || sweeps_.size() == kSweepsMax) {
      log::error("a sweep cannot be added", {{"name", name}});
      std::abort();
    }
  auto sweep = std::make_unique<Sweep>();
  sweep->state.name = std::move(name);
  sweep->state.interval = interval;
  sweep->work = std::move(work);
  sweep->due = Clock::now() + interval;
  sweeps_.push_back(std::move(sweep));
}

void Sweeps::start() {
  {
    std::lock_guard lock(mutex_);
    for (const auto& sweep : sweeps_) sweep->due = Clock::now() + sweep->state.interval;
  }
  scope_.spawn("sweeps", [this](const std::stop_token& stop) { schedule(stop); });
}

void Sweeps::stop() {
  scope_.stop();
  pool_.stop();
}

// Sleeps until the next sweep is due. A running sweep has no due time until it has ended, which
// wakes this thread.
void Sweeps::schedule(const std::stop_token& stop) {
  constexpr std::chrono::hours kLongTime{1};
  while (!stop.stop_requested()) {
    run_due(Clock::now());
    std::unique_lock lock(mutex_);
    Clock::time_point next = Clock::now() + kLongTime;
    for (const auto& sweep : sweeps_)
      if (!sweep->running) next = std::min(next, sweep->due);
    changed_.wait_until(lock, stop, next, [this, next] {
      return std::ranges::any_of(
          sweeps_, [next](const auto& sweep) { return !sweep->running && sweep->due < next; });
    });
  }
}

void Sweeps::run_due(Clock::time_point now) {
  std::lock_guard lock(mutex_);
  for (const auto& sweep : sweeps_) {
    if (sweep->running || sweep->due > now) continue;
    // Submitting fails only when the pool is stopping, as there is at most one task per sweep.
    sweep->running = pool_.try_submit([this, &sweep = *sweep] { run(sweep); });
  }
}

void Sweeps::run(Sweep& sweep) {
  const Clock::time_point began = Clock::now();
  const Result<void> result = run_caught(sweep.work);
  if (!result)
    log::warning("a sweep failed",
                 {{"sweep", sweep.state.name}, {"reason", result.error().message}});
  std::lock_guard lock(mutex_);
  const Clock::time_point ended = Clock::now();
  ++sweep.state.runs;
  if (!result) ++sweep.state.failures;
  sweep.state.took += ended - began;
  sweep.due = ended + sweep.state.interval;
  sweep.running = false;
  changed_.notify_all();
}

std::vector<Sweeps::State> Sweeps::states() const {
  std::lock_guard lock(mutex_);
  std::vector<State> all;
  for (const auto& sweep : sweeps_) all.push_back(sweep->state);
  return all;
}

}  // namespace tidemill::services::platform
