#include "services/iam/credentials/shell_credentials.h"

#include "base/cipher.h"
#include "base/encoding.h"
#include "services/iam/limits.h"

namespace tidemill::services::iam {
namespace {

constexpr std::string_view kPrefix = "shell.";
constexpr std::string_view kSessionName = "tidemill-env";
// Roles whose latest credentials are kept; past it, those of all are made anew.
constexpr std::size_t kRolesKeptMax = 256;

}  // namespace

std::string shell_holder(std::string_view account, std::string_view role_name) {
  return std::string(kPrefix) + std::string(account) + "." + std::string(role_name);
}

bool is_shell_holder(std::string_view holder) { return holder.starts_with(kPrefix); }

std::string shell_token(const RootKey& root, std::string_view holder) {
  // The authenticated text begins with words that no other use of the key has.
  const std::string message = "Tidemill shell credentials\n" + std::string(holder);
  return encode_hex(hmac_sha256(root.secret_access_key, message));
}

Result<TemporaryCredentials> ShellCredentials::credentials(std::string_view holder,
                                                           std::string_view token) {
  if (!equal_in_constant_time(token, shell_token(root_, holder)))
    return fail("AccessDenied",
                "The token is not the one that `tidemill env` prints for this role; evaluate it "
                "again.",
                403);
  const std::string_view named = holder.substr(kPrefix.size());
  const std::size_t dot = std::min(named.find('.'), named.size());
  const std::string_view account = named.substr(0, dot);
  const std::string_view name = named.substr(std::min(dot + 1, named.size()));
  std::optional<RoleRecord> role = TRY(state_.find_role(account, name));
  if (!role)
    return fail("AccessDenied",
                "There is no role " + std::string(name) +
                    ". `tidemill env --role NAME` acts as another role, `tidemill env --root` as "
                    "the root key.",
                403);
  {
    std::lock_guard lock(mutex_);
    // Those of a role that was deleted and made again are of no use.
    if (auto found = given_.find(holder);
        found != given_.end() && found->second.assumed_role_id.starts_with(role->id + ":") &&
        found->second.expiration - state_.now() > kGrantedRenewalSeconds)
      return found->second;
  }
  TemporaryCredentials issued =
      TRY(issue_({std::string(holder), role->arn(), std::string(kSessionName)}));
  issued.role_arn = role->arn();
  std::lock_guard lock(mutex_);
  if (given_.size() >= kRolesKeptMax) given_.clear();
  given_.insert_or_assign(std::string(holder), issued);
  return issued;
}

}  // namespace tidemill::services::iam
