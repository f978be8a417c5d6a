#include "services/iam/account/handlers.h"

#include "api/iam/account.h"
#include "services/iam/errors.h"
#include "services/iam/limits.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

Result<ops::GetAccountSummary::Output> get_summary(State& state, const Context& context,
                                                   const ops::GetAccountSummary::Input&) {
  const std::string& account = context.account();
  std::map<std::string, std::int64_t> map;
  const auto put = [&](const char* name, std::size_t value) { map[name] = std::int64_t(value); };
  put("Users", TRY(state.count<UserRecord>(account)));
  put("UsersQuota", kUsersPerAccountMax);
  put("Groups", TRY(state.count<GroupRecord>(account)));
  put("GroupsQuota", kGroupsPerAccountMax);
  put("Roles", TRY(state.count<RoleRecord>(account)));
  put("RolesQuota", kRolesPerAccountMax);
  put("Policies", TRY(state.count<PolicyRecord>(account)));
  put("PoliciesQuota", kPoliciesPerAccountMax);
  put("InstanceProfiles", TRY(state.count<InstanceProfileRecord>(account)));
  put("InstanceProfilesQuota", kInstanceProfilesPerAccountMax);
  std::size_t versions = 0;
  store::Scan scan{.prefix = store::key({account, ""}), .page_bytes_max = kListedBytesMax};
  do {
    auto page = TRY(policies_table().scan(state.store(), scan));
    for (const auto& [policy, version] : page.records) versions += policy.all_versions().size();
    scan.after = page.next;
  } while (!scan.after.empty());
  put("PolicyVersionsInUse", versions);
  put("PolicyVersionsInUseQuota", kPoliciesPerAccountMax * kPolicyVersionsMax);
  put("VersionsPerPolicyQuota", kPolicyVersionsMax);
  put("GroupsPerUserQuota", kGroupsPerUserMax);
  put("AccessKeysPerUserQuota", kAccessKeysPerUserMax);
  put("AttachedPoliciesPerRoleQuota", kAttachedPoliciesMax);
  put("AttachedPoliciesPerUserQuota", kAttachedPoliciesMax);
  put("AttachedPoliciesPerGroupQuota", kAttachedPoliciesMax);
  put("PolicySizeQuota", kManagedPolicyCharactersMax);
  put("UserPolicySizeQuota", kUserInlineCharactersMax);
  put("GroupPolicySizeQuota", kGroupInlineCharactersMax);
  put("RolePolicySizeQuota", kRoleInlineCharactersMax);
  put("AssumeRolePolicySizeQuota", kTrustPolicyCharactersMax);
  // The root key is there from the first start; the rest cannot be made here.
  put("AccountAccessKeysPresent", 1);
  for (const char* none :
       {"AccountMFAEnabled", "AccountPasswordPresent", "AccountSigningCertificatesPresent",
        "MFADevices", "MFADevicesInUse", "Providers", "ServerCertificates",
        "ServerCertificatesQuota", "SigningCertificatesPerUserQuota"})
    put(none, 0);
  ops::GetAccountSummary::Output out;
  out.summary_map = std::move(map);
  return out;
}

// An account has one alias; a new one takes the place of the old.
Result<api::Empty> create_alias(State& state, const Context& context,
                                const ops::CreateAccountAlias::Input& request) {
  auto taken = TRY(aliases_table().scan(
      state.store(), {.index = std::string(kAliasIndex), .prefix = request.account_alias}));
  for (const auto& [record, version] : taken.records)
    if (record.alias == request.account_alias)
      return already_exists("The account alias " + request.account_alias + " already exists.");
  store::Transaction transaction;
  aliases_table().put(transaction, context.account(), {context.account(), request.account_alias},
                      std::nullopt);
  TRY(state.store().commit(std::move(transaction)));
  return api::Empty{};
}

Result<api::Empty> delete_alias(State& state, const Context& context,
                                const ops::DeleteAccountAlias::Input& request) {
  auto found = TRY(aliases_table().get(state.store(), context.account()));
  if (!found || found->record.alias != request.account_alias)
    return no_such_entity("The account alias " + request.account_alias + " cannot be found.");
  store::Transaction transaction;
  aliases_table().erase(transaction, context.account(), std::nullopt);
  TRY(state.store().commit(std::move(transaction)));
  return api::Empty{};
}

Result<ops::ListAccountAliases::Output> list_aliases(State& state, const Context& context,
                                                     const ops::ListAccountAliases::Input&) {
  ops::ListAccountAliases::Output out;
  out.is_truncated = false;
  if (auto found = TRY(aliases_table().get(state.store(), context.account())))
    out.account_aliases.push_back(std::move(found->record.alias));
  return out;
}

}  // namespace

void add_account_handlers(Registry& registry, State& state) {
  auto bind = [&state](auto handler) {
    return [&state, handler](Context& context, const auto& request) {
      return handler(state, context, request);
    };
  };
  registry.add<ops::GetAccountSummary>(bind(get_summary));
  registry.add<ops::CreateAccountAlias>(bind(create_alias));
  registry.add<ops::DeleteAccountAlias>(bind(delete_alias));
  registry.add<ops::ListAccountAliases>(bind(list_aliases));
}

}  // namespace tidemill::services::iam
