// Stateful sessions whose ids were made up by models: remembers the instance of each. Sessions with
// our own ids need no memory: the instance follows from the id.
#pragma once

#include <chrono>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

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
  explicit Sessions(std::size_t sessions_max = kSessionsMax) : sessions_max_(sessions_max) {}

  // Drops the session that was unused longest when there are sessions_max.
  void put(const std::string& endpoint_key, const std::string& id, SessionPlace place);
  std::optional<SessionPlace> find(const std::string& endpoint_key, const std::string& id);
  void erase(const std::string& endpoint_key, const std::string& id);

 private:
  using Clock = std::chrono::steady_clock;
  struct Held {
    std::string key;  // "endpoint key \n id"
    SessionPlace place;
    Clock::time_point used;
  };
  using List = std::list<Held>;
  void forget(List::iterator session);  // needs mutex_ held

  const std::size_t sessions_max_;
  std::mutex mutex_;
  List held_;  // guarded by mutex_; the longest unused first
  // Guarded by mutex_; the keys point into the list's elements.
  std::unordered_map<std::string_view, List::iterator> by_key_;
};

}  // namespace tidemill::services::sagemaker_runtime
