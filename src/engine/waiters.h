// Threads that wait for a record to change.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

namespace tidemill::engine {

// Thread-safe. Records share a fixed number of slots, so waiters may wake needlessly.
class Waiters {
 public:
  void changed(const std::string& record);
  // Wakes all waiters for good.
  void stop();
  // Evaluates `holds` at once and after each change, until it is true (the result), the time is
  // over or stop() was called.
  bool wait(const std::string& record, std::chrono::milliseconds at_most,
            const std::function<bool()>& holds);

 private:
  struct Slot {
    std::mutex mutex;
    std::condition_variable changed;
    std::uint64_t changes = 0;  // guarded by mutex
    bool stopped = false;       // guarded by mutex
  };
  static constexpr std::size_t kSlots = 128;
  Slot& slot_of(const std::string& record) {
    return slots_[std::hash<std::string>()(record) % kSlots];
  }
  std::array<Slot, kSlots> slots_;
};

}  // namespace tidemill::engine
