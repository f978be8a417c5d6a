// Who may fetch which role's credentials: the tokens of jobs and model servers, in the store and in
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
  // `issue` makes new credentials, durably.
  RoleGrants(State& state, Issue issue) : state_(state), issue_(std::move(issue)) {}

  // What survived the last run.
  Result<void> load();

  // As IamInterface says.
  Result<std::string> grant(const RoleGrant& grant);
  Result<void> revoke(std::string_view holder);
  Result<TemporaryCredentials> credentials(std::string_view holder, std::string_view token);

 private:
  struct Entry {
    GrantRecord record;
    TemporaryCredentials given;  // without a key id: none yet
  };

  State& state_;
  const Issue issue_;
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // by holder; guarded by mutex_
};

}  // namespace tidemill::services::iam
