// Stateful sessions whose ids the models made up: which instance each began on. Sessions with ids
// of our own need no memory, their instance follows from the id.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace tidemill::services::sagemaker_runtime {

inline constexpr const char* kNewSession = "NEW_SESSION";
inline constexpr std::chrono::minutes kSessionLifetime{20};
inline constexpr std::size_t kSessionsMax = 100'000;

struct SessionPlace {
  std::string variant, log_stream;
};

// Thread-safe.
class Sessions {
 public:
  // Forgets the one that was longest unused when there are kSessionsMax.
  void put(const std::string& endpoint_key, const std::string& id, SessionPlace place);
  std::optional<SessionPlace> find(const std::string& endpoint_key, const std::string& id);
  void erase(const std::string& endpoint_key, const std::string& id);

 private:
  using Clock = std::chrono::steady_clock;
  struct Held {
    SessionPlace place;
    Clock::time_point used;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Held> held_;  // guarded by mutex_; "endpoint key \n id"
};

}  // namespace tidemill::services::sagemaker_runtime
