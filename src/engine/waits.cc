#include "engine/waits.h"

namespace tidemill::engine {

void Waits::add(const std::string& wait_key) {
  std::lock_guard lock(mutex_);
  keys_.insert(wait_key);
  count_ = keys_.size();
}

void Waits::remove(const std::string& wait_key) {
  std::lock_guard lock(mutex_);
  keys_.erase(wait_key);
  count_ = keys_.size();
}

std::vector<std::string> Waits::with_prefix(const std::string& prefix) const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> found;
  for (auto key = keys_.lower_bound(prefix); key != keys_.end() && key->starts_with(prefix); ++key)
    found.push_back(*key);
  return found;
}

std::string Waits::schedule(const std::string& wait_key, std::optional<EndOfWait> end) {
  std::lock_guard lock(mutex_);
  // Each look has a key of its own: one that is running has perhaps read too early.
  std::string key = "\x1e" + std::to_string(next_++);
  looks_.emplace(key, Look{wait_key, std::move(end)});
  return key;
}

std::optional<Waits::Look> Waits::look(const std::string& scheduled_key) const {
  std::lock_guard lock(mutex_);
  const auto found = looks_.find(scheduled_key);
  return found == looks_.end() ? std::nullopt : std::optional(found->second);
}

void Waits::finish(const std::string& scheduled_key) {
  std::lock_guard lock(mutex_);
  looks_.erase(scheduled_key);
}

}  // namespace tidemill::engine
