#include "services/sagemaker_runtime/sessions.h"

#include <algorithm>

namespace tidemill::services::sagemaker_runtime {
namespace {

std::string key_of(const std::string& endpoint_key, const std::string& id) {
  return endpoint_key + "\n" + id;
}

}  // namespace

void Sessions::put(const std::string& endpoint_key, const std::string& id, SessionPlace place) {
  const Clock::time_point now = Clock::now();
  std::lock_guard lock(mutex_);
  if (held_.size() >= kSessionsMax)
    std::erase_if(held_,
                  [&](const auto& each) { return now - each.second.used > kSessionLifetime; });
  if (held_.size() >= kSessionsMax)
    held_.erase(
        std::ranges::min_element(held_, {}, [](const auto& each) { return each.second.used; }));
  held_[key_of(endpoint_key, id)] = {std::move(place), now};
}

std::optional<SessionPlace> Sessions::find(const std::string& endpoint_key, const std::string& id) {
  const Clock::time_point now = Clock::now();
  std::lock_guard lock(mutex_);
  auto found = held_.find(key_of(endpoint_key, id));
  if (found == held_.end()) return std::nullopt;
  if (now - found->second.used > kSessionLifetime) {
    held_.erase(found);
    return std::nullopt;
  }
  found->second.used = now;
  return found->second.place;
}

void Sessions::erase(const std::string& endpoint_key, const std::string& id) {
  std::lock_guard lock(mutex_);
  held_.erase(key_of(endpoint_key, id));
}

}  // namespace tidemill::services::sagemaker_runtime
