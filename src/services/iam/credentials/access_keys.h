// The access keys of users, in memory: which secret belongs to a key, and when it was used last.
#pragma once

#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/credential_source.h"
#include "services/iam/records.h"
#include "store/store.h"

namespace tidemill::services::iam {

// Thread-safe.
class AccessKeys {
 public:
  explicit AccessKeys(store::Store& store) : store_(store) {}

  Result<void> load();
  // Call after each write of a user: replaces the user's keys, or forgets them if it was removed.
  void replace(const UserRecord& user, bool removed);

  // nullopt: no such key, or it is inactive.
  std::optional<Credential> find(std::string_view access_key_id) const;

  struct Owner {
    std::string account, user_name;
  };
  // Covers inactive keys, too.
  std::optional<Owner> owner(std::string_view access_key_id) const;

  // A request was signed with the key. The store hears of it now and then (kKeyUseInterval), and
  // nobody waits for that.
  void note_use(std::string_view access_key_id, std::string_view service, std::string_view region,
                Timestamp now);
  // nullopt: never. LastUsed survives a restart, to within kKeyUseInterval.
  std::optional<KeyUseRecord> last_use(std::string_view access_key_id) const;

 private:
  struct Key {
    AccessKeyRecord record;
    std::string account, user_id, user_name, user_arn;
  };
  struct Use {
    KeyUseRecord record;
    Timestamp written;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };
  template <class T>
  using ByKey = std::unordered_map<std::string, T, Hash, std::equal_to<>>;

  store::Store& store_;
  mutable std::shared_mutex mutex_;
  ByKey<Key> keys_;  // guarded by mutex_
  ByKey<Use> uses_;  // guarded by mutex_; of keys that are in keys_
  std::unordered_map<std::string, std::vector<std::string>> ids_;  // by user id; guarded by mutex_
};

}  // namespace tidemill::services::iam
