#include "services/sagemaker_runtime/sessions.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

std::string key_of(const std::string& endpoint_key, const std::string& id) {
  return endpoint_key + "\n" + id;
}

}  // namespace

void Sessions::forget(List::iterator session) {
  by_key_.erase(session->key);
  held_.erase(session);
}

void Sessions::put(const std::string& endpoint_key, const std::string& id, SessionPlace place) {
  const Clock::time_point now = Clock::now();
  std::string key = key_of(endpoint_key, id);
  std::lock_guard lock(mutex_);
  if (auto found = by_key_.find(key); found != by_key_.end()) forget(found->second);
  while (!held_.empty() &&
         (held_.size() >= sessions_max_ || now - held_.front().used > kSessionLifetime))
    forget(held_.begin());
  auto session = held_.insert(held_.end(), {std::move(key), std::move(place), now});
  by_key_.emplace(session->key, session);
}

std::optional<SessionPlace> Sessions::find(const std::string& endpoint_key, const std::string& id) {
  const Clock::time_point now = Clock::now();
  std::lock_guard lock(mutex_);
  auto found = by_key_.find(key_of(endpoint_key, id));
  if (found == by_key_.end()) return std::nullopt;
  const List::iterator session = found->second;
  if (now - session->used > kSessionLifetime) {
    forget(session);
    return std::nullopt;
  }
  session->used = now;
  held_.splice(held_.end(), held_, session);
  return session->place;
}

void Sessions::erase(const std::string& endpoint_key, const std::string& id) {
  std::lock_guard lock(mutex_);
  if (auto found = by_key_.find(key_of(endpoint_key, id)); found != by_key_.end())
    forget(found->second);
}

}  // namespace tidemill::services::sagemaker_runtime
