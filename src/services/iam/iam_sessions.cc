// The sessions that STS issues: of roles, of users, and of federated users.
#include <algorithm>
#include <set>

#include "services/iam/authorization/request_conditions.h"
#include "services/iam/credentials/access_keys.h"
#include "services/iam/credentials/credential_store.h"
#include "services/iam/credentials/role_grants.h"
#include "services/iam/errors.h"
#include "services/iam/iam_asking.h"
#include "services/iam/limits.h"
#include "services/iam/policy_language/check.h"
#include "services/iam/policy_language/role_arn.h"
#include "services/iam/policy_language/wildcard.h"
#include "services/iam/session_parts.h"

namespace tidemill::services::iam {
namespace {

// STS's words, the same whether the role is absent or does not trust the caller.
std::unexpected<Error> not_authorized(const Context& context, std::string_view action,
                                      const std::string& role_arn) {
  return fail("AccessDenied",
              "User: " + context.principal.arn + " is not authorized to perform: " +
                  std::string(action) + " on resource: " + role_arn,
              403);
}
std::unexpected<Error> cannot_assume_role(const Context& context, const std::string& role_arn) {
  return not_authorized(context, "sts:AssumeRole", role_arn);
}

std::unexpected<Error> invalid_parameter(std::string message) {
  return fail("InvalidParameterValue", std::move(message), 400);
}

bool is_transitive(const SessionRecord& session, std::string_view lower_key) {
  return std::ranges::any_of(session.transitive_tag_keys,
                             [&](const std::string& key) { return ascii_lower(key) == lower_key; });
}

// The conditions that a request to assume a role brings along. A key without a value is known to be
// absent.
ConditionContext request_keys(const AssumeRole& request) {
  const auto text = [](const std::string& value) {
    return value.empty() ? std::vector<std::string>() : std::vector{value};
  };
  ConditionContext given{{"sts:RoleSessionName", {request.session_name}},
                         {"sts:ExternalId", text(request.external_id)},
                         {"sts:SourceIdentity", text(request.source_identity)}};
  add_tag_keys(request.tags, request.transitive_tag_keys, given);
  return given;
}

}  // namespace

TemporaryCredentials to_credentials(const SessionRecord& session) {
  TemporaryCredentials out{session.access_key_id, session.secret_access_key,
                           session.session_token, session.expiration,
                           session.arn,           session.user_id};
  out.source_identity = session.source_identity;
  return out;
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

void add_tag_keys(const std::vector<SessionTag>& tags, const std::vector<std::string>& transitive,
                  ConditionContext& given) {
  std::vector<std::string>& keys = given["aws:TagKeys"];
  for (const SessionTag& tag : tags) {
    keys.push_back(tag.key);
    given["aws:RequestTag/" + tag.key] = {tag.value};
  }
  given["sts:TransitiveTagKeys"] = transitive;
}

Result<void> check_session_tags(const std::vector<SessionTag>& tags,
                                const std::vector<std::string>& transitive,
                                const SessionRecord* caller) {
  std::set<std::string> keys;
  for (const SessionTag& tag : tags) {
    std::string lower = ascii_lower(tag.key);
    if (lower.starts_with("aws:"))
      return invalid_parameter("The tag key '" + tag.key +
                               "' begins with the reserved aws: prefix.");
    if (caller && is_transitive(*caller, lower))
      return invalid_parameter(
          "One of the specified transitive tag keys can't be set because it conflicts with a "
          "transitive tag key from the calling session.");
    if (!keys.insert(std::move(lower)).second)
      return invalid_parameter(
          "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
  }
  std::set<std::string> seen;
  for (const std::string& key : transitive) {
    std::string lower = ascii_lower(key);
    if (!keys.contains(lower))
      return invalid_parameter(
          "The specified transitive tag key must be included in the requested tags.");
    if (!seen.insert(std::move(lower)).second)
      return invalid_parameter(
          "Duplicate transitive tag keys found. Please note that Tag keys are case insensitive.");
  }
  return {};
}

void take_session_tags(const std::vector<SessionTag>& tags,
                       const std::vector<std::string>& transitive, const SessionRecord* caller,
                       SessionRecord& session) {
  if (caller)
    for (const TagRecord& tag : caller->tags)
      if (is_transitive(*caller, ascii_lower(tag.key))) {
        session.tags.push_back(tag);
        session.transitive_tag_keys.push_back(tag.key);
      }
  for (const SessionTag& tag : tags) session.tags.push_back({tag.key, tag.value});
  session.transitive_tag_keys.insert(session.transitive_tag_keys.end(), transitive.begin(),
                                     transitive.end());
}

Result<std::optional<std::int64_t>> IamService::add_session_policies(
    const std::string& account, const std::vector<std::string>& documents,
    const std::vector<std::string>& policy_arns, SessionRecord& session) {
  std::size_t characters = 0;
  for (const std::string& document : documents) {
    TRY(parse_new_policy(document, PolicyKind::identity));
    characters += document.size();
    session.policies.push_back(document);
  }
  if (policy_arns.size() > kSessionPolicyArnsMax)
    return validation_error("A session takes at most " + std::to_string(kSessionPolicyArnsMax) +
                            " PolicyArns.");
  for (const std::string& arn : policy_arns) {
    characters += arn.size();
    session.policies.push_back(TRY(state_->policy_document(account, arn)));
  }
  for (const TagRecord& tag : session.tags) characters += tag.key.size() + tag.value.size();
  if (characters == 0) return std::optional<std::int64_t>();
  // AWS packs them into the session token, which has room for so much.
  const std::size_t percent =
      (characters * 100 + kPackedPolicyBytesMax - 1) / kPackedPolicyBytesMax;
  if (percent > 100)
    return fail(
        "PackedPolicyTooLarge",
        "Packed size of session tags consumes " + std::to_string(percent) + "% of allotted space.",
        400);
  return std::optional(std::int64_t(percent));
}

// The role's trust policy and the caller's own policies, together.
Result<void> IamService::check_trust(const Context& context, const AssumeRole& request,
                                     const RoleRecord& role) {
  const RequestFacts facts = facts_of(context);
  const Asking who = TRY(asking(facts, context.principal));
  // AWS lets federated users call nothing of STS but GetCallerIdentity.
  if (who.is_federated) return cannot_assume_role(context, request.role_arn);
  const ConditionContext given = request_keys(request);
  const PrincipalCandidate candidate = candidate_of(who);
  const CallerFacts caller = caller_facts(who);
  const std::string arn = role.arn();
  const auto may = [&](std::string_view action) {
    const ResourceSide side{.grant = trust_of(role, action, candidate, facts, caller, given),
                            .same_account = role.account == context.account(),
                            .must_grant = true};
    const AskedAction asked{action, arn, rule_of(action), nullptr, nullptr, &given};
    return decide_for(who, asked, {}, side) == Decision::allowed;
  };
  if (!may("sts:AssumeRole")) return cannot_assume_role(context, request.role_arn);
  if (!request.tags.empty() && !may("sts:TagSession"))
    return not_authorized(context, "sts:TagSession", request.role_arn);
  // A source identity is inherited by all chained sessions.
  if (who.session && !who.session->source_identity.empty()) {
    if (!request.source_identity.empty() && request.source_identity != who.session->source_identity)
      return cannot_assume_role(context, request.role_arn);
  } else if (!request.source_identity.empty() && !may("sts:SetSourceIdentity")) {
    return not_authorized(context, "sts:SetSourceIdentity", request.role_arn);
  }
  return {};
}

Result<TemporaryCredentials> IamService::assume_role(const Context& context,
                                                     const AssumeRole& request) {
  std::optional<RoleArn> arn = parse_role_arn(request.role_arn);
  if (!arn) return validation_error(request.role_arn + " is invalid");
  const std::shared_ptr<const Session> caller =
      credentials_->session(context.principal.access_key_id);
  TRY(check_session_tags(request.tags, request.transitive_tag_keys, caller.get()));
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
  session.source_identity = request.source_identity;
  take_session_tags(request.tags, request.transitive_tag_keys, caller.get(), session);
  if (caller) {
    if (!caller->source_identity.empty()) session.source_identity = caller->source_identity;
    // Sessions that a job derives from its keys end with those keys.
    session.holder = caller->holder;
  }
  const std::optional<std::int64_t> packed =
      TRY(add_session_policies(arn->account, request.policies, request.policy_arns, session));
  const std::string holder = session.holder;
  SessionRecord issued = TRY(credentials_->issue(std::move(session)));
  if (!holder.empty() && grants_->ended(holder)) {
    // The job ended after its keys were looked at, perhaps before these were there to be ended.
    TRY(credentials_->end_sessions(holder));
    return cannot_assume_role(context, request.role_arn);
  }
  TemporaryCredentials out = to_credentials(issued);
  out.packed_policy_percent = packed;
  return out;
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

Result<TemporaryCredentials> IamService::federation_token(const Context& context,
                                                          const FederationToken& request) {
  const Principal& principal = context.principal;
  if (credentials_->session(principal.access_key_id))
    return fail("AccessDenied", "Cannot call GetFederationToken with session credentials", 403);
  TRY(check_session_tags(request.tags, {}, nullptr));
  SessionRecord session;
  session.account = principal.account;
  session.arn = "arn:aws:sts::" + principal.account + ":federated-user/" + request.name;
  session.user_id = principal.account + ":" + request.name;
  session.federated = true;
  session.issuer_name = user_name(principal.arn);
  session.issuer_id = principal.user_id;
  const std::chrono::seconds lifetime =
      principal.root ? std::min(request.lifetime, kRootSessionTokenSecondsMax) : request.lifetime;
  session.expiration = state_->now_seconds() + lifetime;
  take_session_tags(request.tags, {}, nullptr, session);
  const std::optional<std::int64_t> packed =
      TRY(add_session_policies(principal.account, request.policies, request.policy_arns, session));
  TemporaryCredentials out = to_credentials(TRY(credentials_->issue(std::move(session))));
  out.packed_policy_percent = packed;
  return out;
}

std::optional<std::string> IamService::account_of_access_key(std::string_view access_key_id) {
  if (access_key_id == credentials_->root().access_key_id) return credentials_->root().account;
  if (auto owner = state_->access_keys().owner(access_key_id)) return owner->account;
  if (auto session = credentials_->session(access_key_id)) return session->account;
  return std::nullopt;
}

}  // namespace tidemill::services::iam
