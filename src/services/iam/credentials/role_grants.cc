#include "services/iam/credentials/role_grants.h"

#include "base/cipher.h"
#include "services/iam/errors.h"
#include "services/iam/limits.h"
#include "services/iam/policy_language/role_arn.h"

namespace tidemill::services::iam {
namespace {

constexpr std::size_t kTokenCharacters = 64;  // of 36: over 256 bits

Result<std::optional<RoleRecord>> role_of(State& state, const std::string& role_arn) {
  const std::optional<RoleArn> arn = parse_role_arn(role_arn);
  if (!arn) return std::optional<RoleRecord>();
  std::optional<RoleRecord> role = TRY(state.find_role(arn->account, arn->name));
  if (role && role->arn() != role_arn) role.reset();
  return role;
}

std::unexpected<Error> no_grant() {
  return fail("AccessDenied", "The job is over, or the token is not the one it was given.", 403);
}

}  // namespace

Result<void> RoleGrants::load() {
  store::Scan scan{.limit = store::kScanLimitMax};
  std::lock_guard lock(mutex_);
  do {
    auto page = TRY(grants_table().scan(state_.store(), scan));
    for (auto& [record, version] : page.records) {
      std::string holder = record.grant.holder;
      entries_[std::move(holder)].record = std::move(record);
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  return {};
}

Result<std::string> RoleGrants::grant(const RoleGrant& grant) {
  const std::optional<RoleRecord> role = TRY(role_of(state_, grant.role_arn));
  if (role && !state_.accept_any() &&
      created_after(role->exact_creation(), grant.since, state_.now()))
    return made_again(grant.role_arn);
  GrantRecord record{grant, make_token(state_.random(), kTokenCharacters), role ? role->id : ""};
  {
    std::lock_guard lock(mutex_);
    auto found = entries_.find(grant.holder);
    if (found != entries_.end()) return found->second.record.token;
    if (entries_.size() >= kGrantsMax)
      return limit_exceeded("Cannot exceed quota for jobs and model servers at the same time: " +
                            std::to_string(kGrantsMax));
  }
  store::Transaction transaction;
  grants_table().put(transaction, grant.holder, record, 0);
  TRY(state_.store().commit(std::move(transaction)));
  std::string token = record.token;
  std::lock_guard lock(mutex_);
  entries_[grant.holder].record = std::move(record);
  return token;
}

Result<void> RoleGrants::revoke(std::string_view holder) {
  {
    std::lock_guard lock(mutex_);
    auto found = entries_.find(holder);
    if (found == entries_.end()) return {};
    found->second.ending = true;
  }
  // First the keys: when this is interrupted the grant is still there, and whoever cleans up after
  // the job comes again.
  TRY(end_(holder));
  store::Transaction transaction;
  grants_table().erase(transaction, std::string(holder), std::nullopt);
  TRY(state_.store().commit(std::move(transaction)));
  std::lock_guard lock(mutex_);
  if (auto found = entries_.find(holder); found != entries_.end()) entries_.erase(found);
  return {};
}

bool RoleGrants::ended(std::string_view holder) {
  std::lock_guard lock(mutex_);
  auto found = entries_.find(holder);
  return found == entries_.end() || found->second.ending;
}

Result<TemporaryCredentials> RoleGrants::credentials(std::string_view holder,
                                                     std::string_view token) {
  RoleGrant grant;
  std::string passed_role_id;
  {
    std::lock_guard lock(mutex_);
    auto found = entries_.find(holder);
    if (found == entries_.end() || found->second.ending ||
        !equal_in_constant_time(found->second.record.token, token))
      return no_grant();
    const TemporaryCredentials& given = found->second.given;
    // A job that asks all the time is not given a session each time.
    if (!given.access_key_id.empty() && given.expiration - state_.now() > kGrantedRenewalSeconds)
      return given;
    grant = found->second.record.grant;
    passed_role_id = found->second.record.role_id;
  }
  if (!passed_role_id.empty()) {
    const std::optional<RoleRecord> role = TRY(role_of(state_, grant.role_arn));
    if (!role)
      return fail("AccessDenied",
                  "The role that the job was given, " + grant.role_arn + ", was deleted.", 403);
    if (role->id != passed_role_id) return made_again(grant.role_arn);
  }
  TemporaryCredentials issued = TRY(issue_(grant));
  issued.role_arn = grant.role_arn;
  if (ended(holder)) {
    // The job ended meanwhile, perhaps after its keys were looked for.
    TRY(end_(holder));
    return no_grant();
  }
  std::lock_guard lock(mutex_);
  if (auto found = entries_.find(holder); found != entries_.end()) found->second.given = issued;
  return issued;
}

}  // namespace tidemill::services::iam
