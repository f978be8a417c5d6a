#include "services/iam/iam_service.h"

#include <algorithm>

#include "services/iam/credentials/credential_store.h"
#include "services/iam/credentials/role_grants.h"
#include "services/iam/credentials/shell_credentials.h"
#include "services/iam/errors.h"
#include "services/iam/execution_role.h"
#include "services/iam/limits.h"
#include "services/iam/policy/handlers.h"
#include "services/iam/policy_language/wildcard.h"
#include "services/iam/role/handlers.h"
#include "services/iam/role_arn.h"
#include "services/iam/simulation/handlers.h"
#include "services/iam/user/handlers.h"

namespace tidemill::services::iam {
namespace {

std::unexpected<Error> access_denied(std::string_view caller, std::string_view action,
                                     std::string_view resource, bool explicitly) {
  std::string message =
      "User: " + std::string(caller) + " is not authorized to perform: " + std::string(action);
  if (resource != "*") message += " on resource: " + std::string(resource);
  message += explicitly ? " with an explicit deny in an identity-based policy"
                        : " because no identity-based policy allows the " + std::string(action) +
                              " action";
  return fail("AccessDeniedException", std::move(message), 403);
}

std::unexpected<Error> cannot_assume(std::string_view role_arn, std::string_view service) {
  return fail("ValidationException",
              "Could not assume role " + std::string(role_arn) +
                  ". Please ensure that the role exists and allows principal '" +
                  std::string(service) + "' to assume the role.",
              400);
}

// STS's words, the same whether the role is absent or does not trust the caller.
std::unexpected<Error> cannot_assume_role(const Context& context, const std::string& role_arn) {
  return fail("AccessDenied",
              "User: " + context.principal.arn +
                  " is not authorized to perform: sts:AssumeRole on resource: " + role_arn,
              403);
}

ConditionValues lower_keys(const ConditionContext& conditions) {
  ConditionValues out;
  for (const auto& [key, values] : conditions) out[ascii_lower(key)] = values;
  return out;
}

TemporaryCredentials to_credentials(const SessionRecord& session) {
  return {session.access_key_id, session.secret_access_key,
          session.session_token, session.expiration,
          session.arn,           session.user_id};
}

// What narrows a session, on top of its role.
Result<std::vector<NamedPolicy>> parse_session_policies(const SessionRecord& session) {
  std::vector<NamedPolicy> out;
  out.reserve(session.policies.size());
  for (const std::string& document : session.policies)
    out.push_back({"session", "IAM Policy", TRY(parse_policy(document, PolicyKind::identity))});
  return out;
}

SessionRecord make_role_session(const RoleArn& role, const std::string& role_id,
                                std::string_view session_name, Timestamp expiration) {
  SessionRecord session;
  session.account = role.account;
  session.role_name = role.name;
  session.arn = "arn:" + role.partition + ":sts::" + role.account + ":assumed-role/" + role.name +
                "/" + std::string(session_name);
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
      grants_(std::make_unique<RoleGrants>(*state_, [this](const RoleGrant& grant) {
        return issue_role_credentials(grant.role_arn, grant.session_name, kGrantedSeconds);
      })) {}

IamService::~IamService() = default;

Result<std::unique_ptr<IamService>> IamService::open(store::Store& store, const Clock& clock,
                                                     Random& random, IamOptions options) {
  std::unique_ptr<IamService> service(new IamService(store, clock, random, std::move(options)));
  TRY(service->credentials_->load());
  TRY(service->grants_->load());
  return service;
}

Result<void> IamService::make_execution_role() {
  return iam::make_execution_role(*state_, root_account_);
}

std::vector<store::TableSpec> IamService::tables() {
  return {roles_table().spec(), policies_table().spec(), sessions_table().spec(),
          grants_table().spec(), first_steps_table().spec()};
}

void IamService::add_to(Registry& registry) {
  add_role_handlers(registry, *state_);
  add_role_policy_handlers(registry, *state_);
  add_policy_handlers(registry, *state_);
  add_simulation_handlers(registry, *state_);
  add_user_handlers(registry, *state_);
}

CredentialSource& IamService::credentials() { return *credentials_; }

Result<void> IamService::check_pass_role(const Context& context, std::string_view role_arn,
                                         std::string_view service_principal) {
  std::optional<RoleArn> arn = parse_role_arn(role_arn);
  if (!arn)
    return fail("ValidationException",
                "'" + std::string(role_arn) +
                    "' is not the ARN of a role; expecting arn:aws:iam::<account>:role/<name>.",
                400);
  std::optional<RoleRecord> role = TRY(state_->find_role(arn->account, arn->name));
  if (!role || role->path != arn->path) {
    if (state_->accept_any()) return {};
    return cannot_assume(role_arn, service_principal);
  }
  if (arn->account != context.account())
    return fail("AccessDeniedException", "Cross-account pass role is not allowed.", 403);
  const PolicyDocument trust = TRY(parse_policy(role->assume_role_policy, PolicyKind::trust));
  const ConditionValues conditions{{"aws:sourceaccount", {context.account()}}};
  if (evaluate_trust(trust, {.service = service_principal}, "sts:AssumeRole", conditions) !=
      Trust::direct)
    return cannot_assume(role_arn, service_principal);
  return authorize(context.principal, "iam:PassRole", role_arn,
                   {{"iam:PassedToService", {std::string(service_principal)}}});
}

Result<TemporaryCredentials> IamService::issue_role_credentials(std::string_view role_arn,
                                                                std::string_view session_name,
                                                                std::chrono::seconds lifetime) {
  std::optional<RoleArn> arn = parse_role_arn(role_arn);
  if (!arn)
    return fail("ValidationException", "'" + std::string(role_arn) + "' is not the ARN of a role.",
                400);
  std::optional<RoleRecord> role = TRY(state_->find_role(arn->account, arn->name));
  if (!role && !state_->accept_any())
    return fail("ValidationException",
                "Could not assume role " + std::string(role_arn) + ": it does not exist.", 400);
  const std::string role_id = role ? role->id : state_->make_id("AROA");
  SessionRecord session =
      make_role_session(*arn, role_id, session_name, state_->now_seconds() + lifetime);
  return to_credentials(TRY(credentials_->issue(std::move(session))));
}

Result<std::string> IamService::grant_role(const RoleGrant& grant) { return grants_->grant(grant); }

Result<void> IamService::revoke_role(std::string_view holder) { return grants_->revoke(holder); }

Result<TemporaryCredentials> IamService::granted_credentials(std::string_view holder,
                                                             std::string_view token) {
  if (is_shell_holder(holder)) return shells_->credentials(holder, token);
  return grants_->credentials(holder, token);
}

Result<void> IamService::authorize_role(std::string_view role_arn, std::string_view session_name,
                                        std::string_view action, std::string_view resource,
                                        const ConditionContext& conditions) {
  if (state_->accept_any()) return {};
  std::optional<RoleArn> arn = parse_role_arn(role_arn);
  if (!arn) return access_denied(role_arn, action, resource, false);
  std::shared_ptr<const RolePolicies> role = TRY(state_->role_policies(arn->account, arn->name));
  if (!role) return access_denied(role_arn, action, resource, false);
  const SessionRecord session = make_role_session(*arn, role->role.id, session_name, {});
  return authorize({session.account, session.arn, session.user_id, {}, false}, action, resource,
                   conditions);
}

Result<void> IamService::authorize(const Principal& principal, std::string_view action,
                                   std::string_view resource, const ConditionContext& conditions) {
  if (principal.root) return {};
  const std::string role_name = assumed_role_name(principal.arn);
  if (role_name.empty()) return access_denied(principal.arn, action, resource, false);
  std::shared_ptr<const RolePolicies> role =
      TRY(state_->role_policies(principal.account, role_name));
  if (!role) return access_denied(principal.arn, action, resource, false);

  ConditionValues context = lower_keys(conditions);
  context["aws:principalarn"] = {role->role.arn()};
  context["aws:principalaccount"] = {principal.account};
  context["aws:userid"] = {principal.user_id};
  for (const TagRecord& tag : role->role.tags)
    context["aws:principaltag/" + ascii_lower(tag.key)] = {tag.value};
  const Question question{action, resource, context};
  auto check = [&](std::span<const NamedPolicy> policies) -> Result<void> {
    const Decision decision = evaluate(policies, question).decision;
    if (decision == Decision::allowed) return {};
    return access_denied(principal.arn, action, resource, decision == Decision::explicit_deny);
  };
  TRY(check(role->identity));
  if (role->boundary) TRY(check(*role->boundary));
  auto session = credentials_->session(principal.access_key_id);
  if (!session || session->policies.empty()) return {};
  const std::vector<NamedPolicy> narrowing = TRY(parse_session_policies(*session));
  return check(narrowing);
}

Result<TemporaryCredentials> IamService::assume_role(const Context& context,
                                                     const AssumeRole& request) {
  std::optional<RoleArn> arn = parse_role_arn(request.role_arn);
  if (!arn) return validation_error(request.role_arn + " is invalid");
  std::optional<RoleRecord> role = TRY(state_->find_role(arn->account, arn->name));
  if (role && role->path != arn->path) role.reset();
  if (!role && !state_->accept_any()) return cannot_assume_role(context, request.role_arn);

  const std::string caller_role = assumed_role_name(context.principal.arn);
  if (role) {
    const PolicyDocument trust = TRY(parse_policy(role->assume_role_policy, PolicyKind::trust));
    std::string caller_role_arn;
    if (!caller_role.empty())
      if (auto record = TRY(state_->find_role(context.account(), caller_role)))
        caller_role_arn = record->arn();
    ConditionValues conditions{
        {"aws:principalarn", {caller_role_arn.empty() ? context.principal.arn : caller_role_arn}},
        {"aws:principalaccount", {context.account()}},
        {"sts:rolesessionname", {request.session_name}}};
    if (!request.external_id.empty()) conditions["sts:externalid"] = {request.external_id};
    if (!request.source_identity.empty())
      conditions["sts:sourceidentity"] = {request.source_identity};
    const Trust trusted = evaluate_trust(
        trust,
        {.account = context.account(), .arn = context.principal.arn, .role_arn = caller_role_arn},
        "sts:AssumeRole", conditions);
    if (trusted != Trust::account && trusted != Trust::direct)
      return cannot_assume_role(context, request.role_arn);
    // Trust in the whole account leaves it to the account who of it may.
    const bool own_policy_decides = trusted == Trust::account || arn->account != context.account();
    if (own_policy_decides && !authorize(context.principal, "sts:AssumeRole", request.role_arn, {}))
      return cannot_assume_role(context, request.role_arn);
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
  for (const std::string& policy_arn : request.policy_arns)
    session.policies.push_back(TRY(state_->policy_document(arn->account, policy_arn)));
  TRY(parse_session_policies(session));
  return to_credentials(TRY(credentials_->issue(std::move(session))));
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
  if (auto session = credentials_->session(access_key_id)) return session->account;
  return std::nullopt;
}

}  // namespace tidemill::services::iam
