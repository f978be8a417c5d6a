// Grants to fetch a role's credentials: the tokens of jobs and model servers, in the store and in
// memory, and the credentials that were given last.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "services/iam/interface.h"
#include "services/iam/records.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

// Thread-safe.
class RoleGrants {
 public:
  using Issue = std::function<Result<TemporaryCredentials>(const RoleGrant&)>;
  using End = std::function<Result<void>(std::string_view holder)>;
  // `issue` makes new credentials, durably; `end` ends all that the holder ever had.
  RoleGrants(State& state, Issue issue, End end)
      : state_(state), issue_(std::move(issue)), end_(std::move(end)) {}

  // Reads the grants of earlier runs.
  Result<void> load();

  // See IamInterface.
  Result<std::string> grant(const RoleGrant& grant);
  Result<void> revoke(std::string_view holder);
  Result<TemporaryCredentials> credentials(std::string_view holder, std::string_view token);

  // True when the holder has no grant, or one that is being revoked.
  bool ended(std::string_view holder);

 private:
  struct Entry {
    GrantRecord record;
    TemporaryCredentials given;  // without a key id: none yet
    bool ending = false;         // revoke() began: nothing more is given
  };

  State& state_;
  const Issue issue_;
  const End end_;
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // by holder; guarded by mutex_
};

}  // namespace tidemill::services::iam
