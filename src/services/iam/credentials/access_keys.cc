#include "services/iam/credentials/access_keys.h"

#include <mutex>

#include "base/clock.h"
#include "base/log.h"
#include "services/iam/limits.h"

namespace tidemill::services::iam {

Result<void> AccessKeys::load() {
  store::Scan scan{.limit = store::kScanLimitMax};
  do {
    auto page = TRY(users_table().scan(store_, scan));
    for (const auto& [user, version] : page.records) replace(user, false);
    scan.after = page.next;
  } while (!scan.after.empty());
  scan = {.limit = store::kScanLimitMax};
  do {
    auto page = TRY(key_uses_table().scan(store_, scan));
    std::unique_lock lock(mutex_);
    for (auto& [use, version] : page.records)
      if (keys_.contains(use.access_key_id)) {
        std::string id = use.access_key_id;
        const Timestamp written = use.used;
        uses_[std::move(id)] = {std::move(use), written};
      }
    scan.after = page.next;
  } while (!scan.after.empty());
  return {};
}

void AccessKeys::replace(const UserRecord& user, bool removed) {
  std::unique_lock lock(mutex_);
  for (const std::string& id : ids_[user.id]) keys_.erase(id);
  if (removed || user.access_keys.empty()) {
    ids_.erase(user.id);
    return;
  }
  std::vector<std::string>& ids = ids_[user.id];
  ids.clear();
  for (const AccessKeyRecord& key : user.access_keys) {
    ids.push_back(key.id);
    keys_[key.id] = {key, user.account, user.id, user.name, user.arn()};
  }
}

std::optional<Credential> AccessKeys::find(std::string_view access_key_id) const {
  std::shared_lock lock(mutex_);
  const auto found = keys_.find(access_key_id);
  if (found == keys_.end() || !found->second.record.active) return std::nullopt;
  const Key& key = found->second;
  Credential credential;
  credential.secret_access_key = key.record.secret;
  credential.account = key.account;
  credential.arn = key.user_arn;
  credential.user_id = key.user_id;
  return credential;
}

std::optional<AccessKeys::Owner> AccessKeys::owner(std::string_view access_key_id) const {
  std::shared_lock lock(mutex_);
  const auto found = keys_.find(access_key_id);
  if (found == keys_.end()) return std::nullopt;
  return Owner{found->second.account, found->second.user_name};
}

void AccessKeys::note_use(std::string_view access_key_id, std::string_view service,
                          std::string_view region, Timestamp now) {
  KeyUseRecord record{std::string(access_key_id), now, std::string(service), std::string(region)};
  {
    std::unique_lock lock(mutex_);
    if (!keys_.contains(access_key_id)) return;
    Use& use = uses_[record.access_key_id];
    use.record = record;
    if (use.written.microseconds > 0 && now < use.written + kKeyUseInterval) return;
    use.written = now;
  }
  store::Transaction transaction;
  key_uses_table().put(transaction, record.access_key_id, record, std::nullopt);
  store_.commit_async(std::move(transaction), [](const Result<void>& done) {
    if (!done)
      log::warning("an access key's last use was not stored", {{"reason", done.error().message}});
  });
}

std::optional<KeyUseRecord> AccessKeys::last_use(std::string_view access_key_id) const {
  std::shared_lock lock(mutex_);
  const auto found = uses_.find(access_key_id);
  if (found == uses_.end() || !keys_.contains(access_key_id)) return std::nullopt;
  return found->second.record;
}

}  // namespace tidemill::services::iam
