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
#include "services/iam/policy/handlers.h"
#include "services/iam/policy_language/role_arn.h"
#include "services/iam/resource_policies.h"
#include "services/iam/role/handlers.h"
#include "services/iam/simulation/handlers.h"
#include "services/iam/user/handlers.h"

namespace tidemill::services::iam {
namespace {

// STS's words, the same whether the role is absent or does not trust the caller.
std::unexpected<Error> cannot_assume_role(const Context& context, const std::string& role_arn) {
  return fail("AccessDenied",
              "User: " + context.principal.arn +
                  " is not authorized to perform: sts:AssumeRole on resource: " + role_arn,
              403);
}

TemporaryCredentials to_credentials(const SessionRecord& session) {
  return {session.access_key_id, session.secret_access_key,
          session.session_token, session.expiration,
          session.arn,           session.user_id};
}

SessionRecord make_role_session(const RoleArn& role, const std::string& role_id,
                                std::string_view session_name, Timestamp expiration) {
  SessionRecord session;
  session.account = role.account;
  session.role_name = role.name;
  session.arn = session_arn(role, session_name);
  session.user_id = role_id + ":" + std::string(session_name);
  session.expiration = expiration;
  return session;
}

}  // namespace

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
  return {roles_table().spec(),    users_table().spec(),
          groups_table().spec(),   instance_profiles_table().spec(),
          policies_table().spec(), aliases_table().spec(),
          sessions_table().spec(), grants_table().spec(),
          key_uses_table().spec(), first_steps_table().spec()};
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

// The role's trust policy and the caller's own policies, together.
Result<void> IamService::check_trust(const Context& context, const AssumeRole& request,
                                     const RoleRecord& role) {
  const RequestFacts facts = facts_of(context);
  const Asking who = TRY(asking(facts, context.principal));
  ConditionContext given{{"sts:RoleSessionName", {request.session_name}}};
  if (!request.external_id.empty()) given["sts:ExternalId"] = {request.external_id};
  if (!request.source_identity.empty()) given["sts:SourceIdentity"] = {request.source_identity};
  const PrincipalCandidate candidate = candidate_of(who);
  ResourceSide side;
  const CallerFacts caller = caller_facts(who);
  side.grant = trust_of(role, "sts:AssumeRole", candidate, facts, caller, given);
  side.same_account = role.account == context.account();
  side.must_grant = true;
  const std::string arn = role.arn();
  const AskedAction asked{"sts:AssumeRole", arn,     rule_of("sts:AssumeRole"),
                          nullptr,          nullptr, &given};
  if (decide_for(who, asked, {}, side) != Decision::allowed)
    return cannot_assume_role(context, request.role_arn);
  // Once set, a source identity goes with every role that is assumed from the session.
  if (who.session && !who.session->source_identity.empty()) {
    if (!request.source_identity.empty() && request.source_identity != who.session->source_identity)
      return cannot_assume_role(context, request.role_arn);
  } else if (!request.source_identity.empty()) {
    const Grant sets = trust_of(role, "sts:SetSourceIdentity", candidate, facts, caller, given);
    if (sets == Grant::none || sets == Grant::denied)
      return fail("AccessDenied",
                  "User: " + context.principal.arn +
                      " is not authorized to perform: sts:SetSourceIdentity on resource: " +
                      request.role_arn,
                  403);
  }
  return {};
}

Result<TemporaryCredentials> IamService::assume_role(const Context& context,
                                                     const AssumeRole& request) {
  std::optional<RoleArn> arn = parse_role_arn(request.role_arn);
  if (!arn) return validation_error(request.role_arn + " is invalid");
  std::optional<RoleRecord> role = TRY(state_->find_role(arn->account, arn->name));
  // An ARN names a role by its path and in its case.
  if (role && role->arn() != request.role_arn) role.reset();
  if (!role && !state_->accept_any()) return cannot_assume_role(context, request.role_arn);

  const std::string caller_role = assumed_role_name(context.principal.arn);
  if (role) {
    TRY(check_trust(context, request, *role));
    if (request.lifetime.count() > role->max_session_duration_seconds)
      return validation_error(
          "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    if (!caller_role.empty() && request.lifetime > kChainedSessionSecondsMax)
      return validation_error(
          "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
          "role chaining");
  }
  SessionRecord session =
      make_role_session(*arn, role ? role->id : state_->make_id("AROA"), request.session_name,
                        state_->now_seconds() + request.lifetime);
  session.policies = request.policies;
  session.source_identity = request.source_identity;
  if (auto caller = credentials_->session(context.principal.access_key_id)) {
    if (!caller->source_identity.empty()) session.source_identity = caller->source_identity;
    // Sessions that a job derives from its keys end with those keys.
    session.holder = caller->holder;
  }
  for (const std::string& policy_arn : request.policy_arns)
    session.policies.push_back(TRY(state_->policy_document(arn->account, policy_arn)));
  const std::string holder = session.holder;
  SessionRecord issued = TRY(credentials_->issue(std::move(session)));
  if (!holder.empty() && grants_->ended(holder)) {
    // The job ended after its keys were looked at, perhaps before these were there to be ended.
    TRY(credentials_->end_sessions(holder));
    return cannot_assume_role(context, request.role_arn);
  }
  return to_credentials(std::move(issued));
}

Result<TemporaryCredentials> IamService::session_token(const Context& context,
                                                       std::chrono::seconds lifetime) {
  if (credentials_->session(context.principal.access_key_id))
    return fail("AccessDenied", "Cannot call GetSessionToken with session credentials", 403);
  if (context.principal.root) lifetime = std::min(lifetime, kRootSessionTokenSecondsMax);
  SessionRecord session;
  session.account = context.account();
  session.arn = context.principal.arn;
  session.user_id = context.principal.user_id;
  session.root = context.principal.root;
  session.expiration = state_->now_seconds() + lifetime;
  return to_credentials(TRY(credentials_->issue(std::move(session))));
}

std::optional<std::string> IamService::account_of_access_key(std::string_view access_key_id) {
  if (access_key_id == credentials_->root().access_key_id) return credentials_->root().account;
  if (auto owner = state_->access_keys().owner(access_key_id)) return owner->account;
  if (auto session = credentials_->session(access_key_id)) return session->account;
  return std::nullopt;
}

}  // namespace tidemill::services::iam
