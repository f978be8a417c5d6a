#include "server/fair_queue.h"

#include <utility>

namespace tidemill::server {

FairQueue::FairQueue(FairQueueOptions options)
    : options_(std::move(options)), pool_({options_.name, options_.threads, options_.threads}) {}

FairQueue::~FairQueue() { pool_.stop(); }

bool FairQueue::try_submit(const std::string& owner, Task&& task) {
  std::lock_guard lock(mutex_);
  if (waiting_ >= options_.waiting_max) return false;
  auto found = owners_.find(owner);
  if (found != owners_.end() && found->second.waiting.size() >= options_.owner_waiting_max)
    return false;
  owners_[owner].waiting.push_back(std::move(task));
  ++waiting_;
  start_what_may();
  return true;
}

void FairQueue::start_what_may() {
  auto may = [this](const auto& entry) {
    return !entry.second.waiting.empty() && entry.second.running < options_.owner_threads_max;
  };
  while (running_ < options_.threads && waiting_ > 0) {
    auto next = owners_.upper_bound(last_);
    std::size_t looked_at = 0;
    for (; looked_at < owners_.size(); ++looked_at, ++next) {
      if (next == owners_.end()) next = owners_.begin();
      if (may(*next)) break;
    }
    if (looked_at == owners_.size()) return;
    Task task = std::move(next->second.waiting.front());
    next->second.waiting.pop_front();
    --waiting_;
    ++next->second.running;
    ++running_;
    last_ = next->first;
    // Only a pool that stops refuses tasks, and it drops all waiting tasks anyway.
    (void)pool_.try_submit([this, owner = last_, task = std::move(task)]() mutable {
      struct Finished {
        FairQueue& queue;
        const std::string& owner;
        ~Finished() { queue.finished(owner); }
      } at_end{*this, owner};
      task();
      task = nullptr;
    });
  }
}

void FairQueue::finished(const std::string& owner) {
  std::lock_guard lock(mutex_);
  auto found = owners_.find(owner);
  --running_;
  if (--found->second.running == 0 && found->second.waiting.empty()) owners_.erase(found);
  start_what_may();
}

std::size_t FairQueue::waiting() const {
  std::lock_guard lock(mutex_);
  return waiting_;
}

}  // namespace tidemill::server
