// Access keys: the root key, and temporary credentials, which lie in the store and in memory.
#pragma once

#include <memory>
#include <shared_mutex>
#include <string>
#include <unordered_map>

#include "base/credential_source.h"
#include "services/iam/records.h"
#include "services/iam/root_key.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

// A session with its policies parsed.
struct Session : SessionRecord {
  // Policies that narrow the role's permissions; nullopt: the session has none.
  std::optional<std::vector<NamedPolicy>> narrowing;
};

// Thread-safe.
class CredentialStore final : public CredentialSource {
 public:
  CredentialStore(State& state, RootKey root);

  // Sessions that survived the last run; expired ones are deleted.
  Result<void> load();

  Result<std::optional<Credential>> find(std::string_view access_key_id) override;

  // Fills in the keys and the token, and returns when durable. LimitExceeded; what is wrong with
  // the session's policies.
  Result<SessionRecord> issue(SessionRecord session);
  // Expires, from now on, the credentials of a grant's holder and those it got from them by
  // AssumeRole.
  // Durable before it returns; idempotent.
  Result<void> end_sessions(std::string_view holder);
  // nullptr when the key is none of a session that has not expired.
  std::shared_ptr<const Session> session(std::string_view access_key_id) const;
  const RootKey& root() const { return root_; }

 private:
  Result<void> delete_expired();

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  State& state_;
  const RootKey root_;
  mutable std::shared_mutex mutex_;
  // Shared with the requests that use them. Guarded by mutex_.
  std::unordered_map<std::string, std::shared_ptr<const Session>, Hash, std::equal_to<>> sessions_;
  Timestamp next_sweep_;  // guarded by mutex_
};

}  // namespace tidemill::services::iam
