#include "engine/waiters.h"

namespace tidemill::engine {

void Waiters::changed(const std::string& record) {
  Slot& slot = slot_of(record);
  {
    std::lock_guard lock(slot.mutex);
    ++slot.changes;
  }
  slot.changed.notify_all();
}

void Waiters::stop() {
  for (Slot& slot : slots_) {
    {
      std::lock_guard lock(slot.mutex);
      slot.stopped = true;
    }
    slot.changed.notify_all();
  }
}

bool Waiters::wait(const std::string& record, std::chrono::milliseconds at_most,
                   const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  Slot& slot = slot_of(record);
  std::unique_lock lock(slot.mutex);
  for (;;) {
    // Counted before the check, so that a change during it is not missed.
    const std::uint64_t seen = slot.changes;
    lock.unlock();
    if (holds()) return true;
    lock.lock();
    const bool again = slot.changed.wait_until(
        lock, deadline, [&] { return slot.stopped || slot.changes != seen; });
    if (!again || slot.stopped) {
      lock.unlock();
      return holds();
    }
  }
}

}  // namespace tidemill::engine
