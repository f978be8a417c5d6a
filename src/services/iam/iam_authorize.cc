// The decisions: may this caller do that. Policies are parsed once and kept; a condition key is
// looked up when a policy first asks for it.
#include <algorithm>

#include "services/iam/authorization/request_conditions.h"
#include "services/iam/authorization/resources.h"
#include "services/iam/credentials/access_keys.h"
#include "services/iam/credentials/credential_store.h"
#include "services/iam/errors.h"
#include "services/iam/iam_asking.h"
#include "services/iam/iam_service.h"
#include "services/iam/policy_language/explain.h"
#include "services/iam/policy_language/role_arn.h"
#include "services/iam/policy_language/wildcard.h"
#include "services/iam/resource_policies.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {
namespace {

// A request without credentials, which only a resource's own policy or list can allow.
bool is_anonymous(const Principal& principal) {
  return principal.arn.empty() && principal.account.empty();
}

// `reason` is explain_refusal()'s.
std::unexpected<Error> access_denied(std::string_view caller, std::string_view action,
                                     std::string_view resource, std::string_view reason) {
  std::string message =
      "User: " + std::string(caller) + " is not authorized to perform: " + std::string(action);
  if (resource != "*") message += " on resource: " + std::string(resource);
  message += reason;
  return fail("AccessDeniedException", std::move(message), 403);
}

std::unexpected<Error> cannot_assume(std::string_view role_arn, std::string_view service) {
  return fail("ValidationException",
              "Could not assume role " + std::string(role_arn) +
                  ". Please ensure that the role exists and allows principal '" +
                  std::string(service) + "' to assume the role.",
              400);
}

bool is_federated_user(std::string_view arn) {
  return arn.starts_with("arn:aws:sts::") && arn.contains(":federated-user/");
}

// For federated users whose session the root key requested: everything is allowed.
std::shared_ptr<const PrincipalPolicies> policies_of_root(const std::string& account) {
  auto out = std::make_shared<PrincipalPolicies>();
  out->account = account;
  out->arn = "arn:aws:iam::" + account + ":root";
  out->id = account;
  NamedPolicy everything{"root", "IAM Policy", {}};
  everything.document.statements.push_back({.allow = true, .actions = {"*"}, .resources = {"*"}});
  out->identity.push_back(std::move(everything));
  return out;
}

// Calls that AWS refuses to sessions of users and root (GetSessionToken, GetFederationToken): all
// of IAM, and of STS most.
bool is_closed_to_users_sessions(const schema::Service& service, std::string_view operation,
                                 bool federated) {
  if (service.name == "iam") return true;
  return service.name == "sts" && operation != "GetCallerIdentity" &&
         (federated || operation != "AssumeRole") && operation != "GetSessionToken" &&
         operation != "GetFederationToken";
}

std::unexpected<Error> invalid_token() {
  return fail("InvalidClientTokenId", "The security token included in the request is invalid", 403);
}

bool answers_access_denied(const schema::Service& service) {
  return std::ranges::any_of(service.protocols, [](schema::Protocol protocol) {
    return protocol == schema::Protocol::rest_xml || protocol == schema::Protocol::aws_query;
  });
}

}  // namespace

void IamService::note_session_tags(Asking& asking) {
  if (!asking.session || asking.session->tags.empty() || !asking.policies) return;
  auto& tags = asking.session_tags.emplace(asking.policies->tags);
  for (const TagRecord& tag : asking.session->tags) {
    std::erase_if(tags,
                  [&](const auto& own) { return ascii_lower(own.first) == ascii_lower(tag.key); });
    tags[tag.key] = tag.value;
  }
}

Result<IamService::Asking> IamService::asking(const RequestFacts& facts,
                                              const Principal& principal) {
  Asking asking{facts, principal};
  const std::string role_name = assumed_role_name(principal.arn);
  const std::string user = role_name.empty() ? user_name(principal.arn) : std::string();
  if (is_federated_user(principal.arn)) {
    TRY(find_issuer(asking));
    return asking;
  }
  if (role_name.empty() && user.empty()) return asking;
  std::shared_ptr<const PrincipalPolicies> found =
      TRY(role_name.empty() ? state_->user_policies(principal.account, user)
                            : state_->role_policies(principal.account, role_name));
  // A session is of the role that issued it, not of one that was made later under its name; and so
  // with users.
  if (!found || !(role_name.empty() ? principal.user_id == found->id
                                    : principal.user_id.starts_with(found->id + ":")))
    return asking;
  const bool own_key = role_name.empty() && state_->access_keys().owner(principal.access_key_id);
  if (!principal.access_key_id.empty() && !own_key) {
    asking.session = credentials_->session(principal.access_key_id);
    // An expired session allows nothing: the policies that narrowed the role are gone with it.
    if (!asking.session) return asking;
  }
  asking.is_role = !role_name.empty();
  asking.policies = std::move(found);
  note_session_tags(asking);
  return asking;
}

// A federated user has at most the permissions of the user who called GetFederationToken, and none
// once that user is deleted.
Result<void> IamService::find_issuer(Asking& asking) {
  const Principal& principal = asking.principal;
  asking.session = credentials_->session(principal.access_key_id);
  if (!asking.session || !asking.session->federated) return {};
  asking.is_federated = true;
  if (asking.session->issuer_name.empty()) {
    asking.policies = policies_of_root(principal.account);
  } else {
    auto found = TRY(state_->user_policies(principal.account, asking.session->issuer_name));
    if (found && found->id == asking.session->issuer_id) asking.policies = std::move(found);
  }
  note_session_tags(asking);
  return {};
}

CallerFacts IamService::caller_facts(const Asking& asking) {
  const Principal& principal = asking.principal;
  CallerFacts caller{principal.arn, principal.account, principal.user_id};
  if (is_anonymous(principal)) {
    caller.type = "Anonymous";
    caller.user_id = "anonymous";
    caller.temporary = false;
  }
  if (principal.root) {
    caller.type = "Account";
    caller.temporary = asking.session != nullptr;
  }
  if (asking.policies) {
    caller.arn = asking.policies->arn;
    caller.tags = &asking.policies->tags;
    if (asking.session_tags) caller.tags = &*asking.session_tags;
    if (asking.is_federated) {
      caller.arn = principal.arn;
      caller.type = "FederatedUser";
    } else if (!asking.is_role) {
      caller.type = "User";
      caller.user_name = asking.policies->name;
      caller.temporary = asking.session != nullptr;
    }
  }
  if (asking.session) {
    if (asking.session->issued.microseconds > 0) caller.issued = asking.session->issued;
    caller.source_identity = asking.session->source_identity;
    caller.provider = asking.session->provider;
  } else if (asking.is_role && asking.policies) {
    // The server acts as the role: each such call has a session of its own, issued for it.
    caller.issued = asking.facts.received;
  }
  return caller;
}

PrincipalCandidate IamService::candidate_of(const Asking& asking) {
  const Principal& principal = asking.principal;
  return {.account = principal.account,
          .arn = principal.arn,
          .role_arn = asking.is_role ? std::string_view(asking.policies->arn) : ""};
}

CallerPolicies IamService::policies_of(const Asking& asking) {
  CallerPolicies policies;
  policies.root = asking.principal.root;
  if (asking.policies) {
    policies.identity = asking.policies->identity;
    if (asking.policies->boundary && !policies.root) policies.boundary = *asking.policies->boundary;
  }
  if (asking.session && asking.session->narrowing && !policies.root)
    policies.session = *asking.session->narrowing;
  return policies;
}

Decision IamService::decide_for(const Asking& asking, const AskedAction& asked,
                                std::string_view alias,
                                const std::optional<ResourceSide>& side) const {
  if (is_anonymous(asking.principal))
    return side && side->grant == Grant::direct ? Decision::allowed : Decision::implicit_deny;
  if (!asking.policies && !asking.principal.root) return Decision::implicit_deny;
  const CallerFacts caller = caller_facts(asking);
  const RequestConditions conditions(asking.facts, caller, asked, tag_sources_);
  return decide(policies_of(asking), side, {asked.action, asked.resource, conditions, alias});
}

Result<Grant> IamService::grant_by_acl(const AskedAction& asked, const Principal& principal) const {
  std::string version_id = asked.input ? text_member(*asked.input, "VersionId") : std::string();
  if (asked.given)
    if (const auto given = asked.given->find("s3:VersionId"); given != asked.given->end())
      version_id = given->second.empty() ? std::string() : given->second.front();
  switch (TRY(resource_policies_->acl_grant(
      {asked.action, asked.resource, version_id, principal.account}))) {
    case AclGrant::everybody:
      return Grant::direct;
    case AclGrant::account:
      return Grant::account;
    case AclGrant::none:
      break;
  }
  return Grant::none;
}

Result<void> IamService::authorize_as(const Asking& asking, const AskedAction& given,
                                      std::string_view alias,
                                      const ResourcePolicy* resource_policy) const {
  AskedAction asked = given;
  const Principal& principal = asking.principal;
  std::optional<ResourceSide> side;
  std::optional<ResourcePolicy> found;
  if (!resource_policy) {
    found = TRY(resource_policies_->find(asked.action, asked.resource));
    if (found) resource_policy = &*found;
  }
  if (resource_policy) {
    const bool own = resource_policy->owner_account == principal.account;
    // The owner's root can always repair a policy that locks everybody out.
    if (own && principal.root && administers_policy(asked.action)) return {};
    asked.resource_account = resource_policy->owner_account;
    side = ResourceSide{.same_account = own, .must_grant = resource_policy->must_grant};
    if (!resource_policy->document.empty()) {
      const CallerFacts caller = caller_facts(asking);
      const RequestConditions conditions(asking.facts, caller, asked, tag_sources_);
      const PrincipalCandidate candidate = candidate_of(asking);
      side->grant = TRY(resource_policies_->evaluate(
          resource_policy->document, candidate, {asked.action, asked.resource, conditions, alias}));
    }
    if (found && side->grant != Grant::denied)
      side->grant = std::max(side->grant, TRY(grant_by_acl(asked, principal)));
  }
  const Decision decision = decide_for(asking, asked, alias, side);
  if (decision == Decision::allowed) return {};
  if (is_anonymous(principal)) return fail("AccessDeniedException", "Access Denied", 403);
  if (decision == Decision::implicit_deny && TRY(is_granted(asking, asked, alias))) return {};
  return access_denied(
      asking.principal.arn, asked.action, asked.resource,
      reason_of(asking, asked, alias, side, resource_policy ? resource_policy->document : ""));
}

std::string IamService::reason_of(const Asking& asking, const AskedAction& asked,
                                  std::string_view alias, const std::optional<ResourceSide>& side,
                                  const std::string& resource_document) const {
  const CallerFacts caller = caller_facts(asking);
  const RequestConditions conditions(asking.facts, caller, asked, tag_sources_);
  const Question question{asked.action, asked.resource, conditions, alias};
  const PrincipalCandidate candidate = candidate_of(asking);
  const Result<PolicyDocument> document = parse_policy(resource_document, PolicyKind::resource);
  std::optional<ResourceDocument> resource;
  if (document) resource.emplace(ResourceDocument{*document, candidate});
  return explain_refusal(policies_of(asking), side, resource, question);
}

Result<bool> IamService::is_granted(const Asking& asking, const AskedAction& asked,
                                    std::string_view alias) const {
  if (!asking.policies && !asking.principal.root) return false;
  const PrincipalCandidate candidate = candidate_of(asking);
  if (!asked.granted &&
      !TRY(resource_policies_->grants(asked.action, asked.resource,
                                      {candidate.account, candidate.arn, candidate.role_arn},
                                      asked.given ? *asked.given : ConditionContext())))
    return false;
  CallerPolicies narrowing{.identity = {}, .root = true};
  if (asking.session && asking.session->narrowing && !asking.principal.root)
    narrowing.session = *asking.session->narrowing;
  const CallerFacts caller = caller_facts(asking);
  const RequestConditions conditions(asking.facts, caller, asked, tag_sources_);
  return decide(narrowing, std::nullopt, {asked.action, asked.resource, conditions, alias}) ==
         Decision::allowed;
}

Grant IamService::trust_of(const RoleRecord& role, std::string_view action,
                           const PrincipalCandidate& candidate, const RequestFacts& facts,
                           const CallerFacts& caller, const ConditionContext& given) const {
  Result<PolicyDocument> trust = parse_policy(role.assume_role_policy, PolicyKind::trust);
  // One that an older server took and this one does not: nobody is trusted.
  if (!trust) return Grant::none;
  const std::string arn = role.arn();
  const AskedAction asked{action, arn, rule_of(action), nullptr, nullptr, &given};
  const RequestConditions conditions(facts, caller, asked, tag_sources_);
  return evaluate_resource_policy(*trust, candidate, {asked.action, arn, conditions});
}

Result<void> IamService::check_pass_role(const Context& context, std::string_view role_arn,
                                         std::string_view service_principal,
                                         const std::vector<std::string>& source_arns) {
  std::optional<RoleArn> arn = parse_role_arn(role_arn);
  if (!arn)
    return fail("ValidationException",
                "'" + std::string(role_arn) +
                    "' is not the ARN of a role; expecting arn:aws:iam::<account>:role/<name>.",
                400);
  std::optional<RoleRecord> role = TRY(state_->find_role(arn->account, arn->name));
  // An ARN names a role by its path and in its case.
  if (!role || role->arn() != role_arn) {
    if (state_->accept_any()) return {};
    return cannot_assume(role_arn, service_principal);
  }
  if (arn->account != context.account())
    return fail("AccessDeniedException", "Cross-account pass role is not allowed.", 403);
  const RequestFacts facts = facts_of(context);
  if (std::ranges::none_of(source_arns, [&](const std::string& source_arn) {
        return trusts_service(*role, service_principal, context.region, source_arn);
      }))
    return cannot_assume(role_arn, service_principal);
  const ConditionContext given{{"iam:PassedToService", {std::string(service_principal)}}};
  if (context.principal.root) return {};
  const AskedAction asked{"iam:PassRole", role_arn, rule_of("iam:PassRole"),
                          nullptr,        nullptr,  &given};
  return authorize_as(TRY(asking(facts, context.principal)), asked);
}

bool IamService::trusts_service(const RoleRecord& role, std::string_view service_principal,
                                std::string_view region, const std::string& source_arn) const {
  RequestFacts facts;
  facts.region = region;
  facts.received = state_->now();
  const ConditionContext given{{"aws:SourceAccount", {role.account}},
                               {"aws:SourceArn", {source_arn}},
                               {"aws:PrincipalIsAWSService", {"true"}},
                               {"aws:PrincipalServiceName", {std::string(service_principal)}}};
  CallerFacts caller;
  caller.type = {};
  caller.temporary = false;
  return trust_of(role, "sts:AssumeRole", {.service = service_principal}, facts, caller, given) ==
         Grant::direct;
}

Result<Principal> IamService::role_principal(std::string_view role_arn,
                                             std::string_view session_name,
                                             std::string_view account, Timestamp since) {
  if (state_->accept_any()) {
    const std::string owner(account);
    return Principal{owner, "arn:aws:iam::" + owner + ":root", owner, {}, true};
  }
  const std::optional<RoleArn> arn = parse_role_arn(role_arn);
  std::shared_ptr<const PrincipalPolicies> role;
  if (arn) role = TRY(state_->role_policies(arn->account, arn->name));
  if (!role || role->arn != role_arn)
    return fail("AccessDenied", "There is no role " + std::string(role_arn) + ".", 403);
  if (created_after(role->created, since, state_->now())) return made_again(role->arn);
  return Principal{arn->account,
                   session_arn(*arn, session_name),
                   role->id + ":" + std::string(session_name),
                   {},
                   false};
}

Result<void> IamService::authorize_role(std::string_view role_arn, std::string_view session_name,
                                        std::string_view action, std::string_view resource,
                                        const ConditionContext& conditions, Timestamp since) {
  if (state_->accept_any()) return {};
  const Result<Principal> principal = role_principal(role_arn, session_name, {}, since);
  if (!principal) {
    Error error = principal.error();
    if (error.code == "AccessDenied") error.code = "AccessDeniedException";
    return fail(std::move(error));
  }
  return authorize(*principal, action, resource, conditions, nullptr);
}

Result<void> IamService::authorize(const Principal& principal, std::string_view action,
                                   std::string_view resource, const ConditionContext& conditions,
                                   const ResourcePolicy* resource_policy) {
  if (!resource_policy && is_never_refused(principal, action.substr(0, action.find(':'))))
    return {};
  RequestFacts facts;
  facts.received = state_->now();
  const AskedAction asked{action, resource, rule_of(action), nullptr, nullptr, &conditions};
  return authorize_as(TRY(asking(facts, principal)), asked, {}, resource_policy);
}

void IamService::add_resource_policies(std::string_view service, ResourcePolicySource& source) {
  resource_policies_->add(service, source);
}

void IamService::add_operation_actions(std::string_view service, OperationActions& source) {
  operation_actions_[std::string(service)] = &source;
}

bool IamService::is_never_refused(const Principal& principal, std::string_view service) const {
  return principal.root && !resource_policies_->has_any(service);
}

Result<void> IamService::authorize_operation(const Context& context, const schema::Service& service,
                                             const schema::Operation& operation,
                                             const Value& input) {
  const Principal& principal = context.principal;
  if (principal.root && is_closed_to_users_sessions(service, operation.name, false) &&
      credentials_->session(principal.access_key_id))
    return invalid_token();
  if (is_never_refused(principal, service.name)) return {};
  const RequestFacts facts = facts_of(context);
  std::vector<RequiredAction> needed = TRY(needed_actions(context, service, operation, input));
  // A copy takes the source's tags along unless it brings its own: they are read and written.
  const auto tag_source = tag_sources_.find("s3");
  if (service.name == "s3" && operation.name == "CopyObject" && needed.size() > 1 &&
      text_member(input, "TaggingDirective") != "REPLACE" && tag_source != tag_sources_.end())
    if (const auto tags = tag_source->second(needed[1].resource); !tags || !tags->empty()) {
      needed.push_back({"s3:GetObjectTagging", needed[1].resource});
      needed.push_back({"s3:PutObjectTagging", needed[0].resource});
    }
  state_->access_keys().note_use(principal.access_key_id, service.signing_name, context.region,
                                 context.received);
  const Asking who = TRY(asking(facts, principal));
  if (who.session && !who.is_role &&
      is_closed_to_users_sessions(service, operation.name, who.is_federated))
    return invalid_token();
  for (const RequiredAction& required : needed) {
    AskedAction asked{required.action, required.resource, rule_of(required.action),
                      &input,          &operation,        &required.conditions};
    asked.granted = required.granted;
    Result<void> allowed = authorize_as(who, asked, required.alias);
    if (allowed) continue;
    if (answers_access_denied(service)) allowed.error().code = "AccessDenied";
    return allowed;
  }
  return {};
}

Result<void> IamService::authorize_item(const Context& context, std::string_view action,
                                        std::string_view resource, const Value& input) {
  if (is_never_refused(context.principal, action.substr(0, action.find(':')))) return {};
  const RequestFacts facts = facts_of(context);
  const AskedAction asked{action, resource, rule_of(action), &input, nullptr, nullptr};
  return authorize_as(TRY(asking(facts, context.principal)), asked);
}

void IamService::set_tag_sources(TagSources sources) {
  tag_sources_ = std::move(sources);
  tag_sources_["iam"] = [this](std::string_view arn) { return state_->tags_of(arn); };
}

}  // namespace tidemill::services::iam
