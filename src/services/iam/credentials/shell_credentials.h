// Credentials of a role for a person's shell, as `tidemill env` prints them: the SDKs in it fetch
// renewing ones from the server, as jobs do. Whoever has the root key may have those of any role,
// so the token is made from the root key: nothing is kept, and a shell outlives the server.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "services/iam/interface.h"
#include "services/iam/root_key.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

// "shell.123456789012.my-role"
std::string shell_holder(std::string_view account, std::string_view role_name);
bool is_shell_holder(std::string_view holder);
// 64 hexadecimal digits. It dies with the root key.
std::string shell_token(const RootKey& root, std::string_view holder);

// Thread-safe.
class ShellCredentials {
 public:
  using Issue = std::function<Result<TemporaryCredentials>(const RoleGrant&)>;
  ShellCredentials(State& state, RootKey root, Issue issue)
      : state_(state), root_(std::move(root)), issue_(std::move(issue)) {}

  // AccessDenied when the token is not the holder's, or there is no such role (any more).
  Result<TemporaryCredentials> credentials(std::string_view holder, std::string_view token);

 private:
  State& state_;
  const RootKey root_;
  const Issue issue_;
  std::mutex mutex_;
  // The latest of each role, given again while they are fresh. Guarded by mutex_.
  std::map<std::string, TemporaryCredentials, std::less<>> given_;
};

}  // namespace tidemill::services::iam
