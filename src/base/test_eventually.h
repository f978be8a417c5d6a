// Helper for tests that wait for other threads.
#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace tidemill {

// Whether the condition becomes true within the time.
inline bool eventually(const std::function<bool()>& holds,
                       std::chrono::milliseconds patience = std::chrono::seconds(10)) {
  const auto until = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace tidemill
