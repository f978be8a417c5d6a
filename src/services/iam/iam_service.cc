#include "services/iam/iam_service.h"

#include <algorithm>

#include "services/iam/account/handlers.h"
#include "services/iam/authorization/request_conditions.h"
#include "services/iam/credentials/access_keys.h"
#include "services/iam/credentials/credential_store.h"
#include "services/iam/credentials/role_grants.h"
#include "services/iam/credentials/shell_credentials.h"
#include "services/iam/errors.h"
#include "services/iam/execution_role.h"
#include "services/iam/group/handlers.h"
#include "services/iam/iam_asking.h"
#include "services/iam/instance_profile/handlers.h"
#include "services/iam/limits.h"
#include "services/iam/oidc/handlers.h"
#include "services/iam/oidc/provider_keys.h"
#include "services/iam/policy/handlers.h"
#include "services/iam/policy_language/role_arn.h"
#include "services/iam/resource_policies.h"
#include "services/iam/role/handlers.h"
#include "services/iam/session_parts.h"
#include "services/iam/simulation/handlers.h"
#include "services/iam/user/handlers.h"

namespace tidemill::services::iam {
IamService::IamService(store::Store& store, const Clock& clock, Random& random, IamOptions options)
    : state_(std::make_unique<State>(store, clock, random, options.accept_any)),
      root_account_(options.root.account),
      shells_(std::make_unique<ShellCredentials>(
          *state_, options.root,
          [this](const RoleGrant& grant) {
            return issue_role_credentials(grant.role_arn, grant.session_name, kGrantedSeconds);
          })),
      credentials_(std::make_unique<CredentialStore>(*state_, std::move(options.root))),
      grants_(std::make_unique<RoleGrants>(
          *state_, [this](const RoleGrant& grant) { return issue_granted(grant); },
          [this](std::string_view holder) { return credentials_->end_sessions(holder); })),
      provider_keys_(std::make_unique<ProviderKeys>(clock)),
      resource_policies_(std::make_unique<ResourcePolicies>()) {}

IamService::~IamService() = default;

Result<std::unique_ptr<IamService>> IamService::open(store::Store& store, const Clock& clock,
                                                     Random& random, IamOptions options) {
  std::unique_ptr<IamService> service(new IamService(store, clock, random, std::move(options)));
  TRY(service->state_->load());
  TRY(service->credentials_->load());
  TRY(service->grants_->load());
  service->set_tag_sources({});
  return service;
}

Result<void> IamService::make_execution_role() {
  return iam::make_execution_role(*state_, root_account_);
}

std::vector<store::TableSpec> IamService::tables() {
  return {roles_table().spec(),
          users_table().spec(),
          groups_table().spec(),
          instance_profiles_table().spec(),
          policies_table().spec(),
          aliases_table().spec(),
          sessions_table().spec(),
          grants_table().spec(),
          key_uses_table().spec(),
          first_steps_table().spec(),
          oidc_providers_table().spec(),
          password_policies_table().spec(),
          credential_reports_table().spec()};
}

void IamService::add_to(Registry& registry) {
  add_role_handlers(registry, *state_);
  add_role_policy_handlers(registry, *state_);
  add_policy_handlers(registry, *state_);
  add_policy_version_handlers(registry, *state_);
  add_simulation_handlers(registry, *state_);
  add_user_handlers(registry, *state_);
  add_user_policy_handlers(registry, *state_);
  add_access_key_handlers(registry, *state_);
  add_group_handlers(registry, *state_);
  add_group_policy_handlers(registry, *state_);
  add_instance_profile_handlers(registry, *state_);
  add_account_handlers(registry, *state_);
  add_credential_report_handlers(registry, *state_);
  add_password_policy_handlers(registry, *state_);
  add_service_linked_role_handlers(registry, *state_);
  add_oidc_handlers(registry, *state_);
}

CredentialSource& IamService::credentials() { return *credentials_; }

Result<TemporaryCredentials> IamService::issue_role_credentials(std::string_view role_arn,
                                                                std::string_view session_name,
                                                                std::chrono::seconds lifetime) {
  return issue_session(role_arn, session_name, lifetime, {});
}

Result<TemporaryCredentials> IamService::issue_granted(const RoleGrant& grant) {
  return issue_session(grant.role_arn, grant.session_name, kGrantedSeconds, grant.holder);
}

Result<TemporaryCredentials> IamService::issue_session(std::string_view role_arn,
                                                       std::string_view session_name,
                                                       std::chrono::seconds lifetime,
                                                       const std::string& holder) {
  std::optional<RoleArn> arn = parse_role_arn(role_arn);
  if (!arn)
    return fail("ValidationException", "'" + std::string(role_arn) + "' is not the ARN of a role.",
                400);
  std::optional<RoleRecord> role = TRY(state_->find_role(arn->account, arn->name));
  if (role && role->arn() != role_arn) role.reset();
  if (!role && !state_->accept_any())
    return fail("ValidationException",
                "Could not assume role " + std::string(role_arn) + ": it does not exist.", 400);
  const std::string role_id = role ? role->id : state_->make_id("AROA");
  SessionRecord session =
      make_role_session(*arn, role_id, session_name, state_->now_seconds() + lifetime);
  session.holder = holder;
  return to_credentials(TRY(credentials_->issue(std::move(session))));
}

Result<std::string> IamService::grant_role(const RoleGrant& grant) { return grants_->grant(grant); }

Result<void> IamService::revoke_role(std::string_view holder) { return grants_->revoke(holder); }

Result<TemporaryCredentials> IamService::granted_credentials(std::string_view holder,
                                                             std::string_view token) {
  if (is_shell_holder(holder)) return shells_->credentials(holder, token);
  return grants_->credentials(holder, token);
}

}  // namespace tidemill::services::iam
