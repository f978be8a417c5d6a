#include "services/iam/policy_language/evaluate.h"

#include <algorithm>

#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {
namespace {

bool covers_action(const Statement& statement, std::string_view action) {
  const bool any = std::ranges::any_of(statement.actions, [&](const std::string& pattern) {
    return matches_wildcard_ignoring_case(pattern, action);
  });
  return any != statement.not_action;
}

Truth matches_resource(const std::string& pattern, const Question& question) {
  const auto matches = [&question](std::string_view text) {
    return matches_wildcard(text, question.resource) ||
           (!question.alias.empty() && matches_wildcard(text, question.alias));
  };
  if (pattern.find("${") == pattern.npos) return matches(pattern) ? Truth::yes : Truth::no;
  std::string text;
  const Truth whole = substitute_variables(pattern, question.context, text);
  return whole == Truth::yes ? (matches(text) ? Truth::yes : Truth::no) : whole;
}

Truth covers_resource(const Statement& statement, const Question& question) {
  Truth any = Truth::no;
  for (const std::string& pattern : statement.resources) {
    const Truth one = matches_resource(pattern, question);
    if (one == Truth::yes) return statement.not_resource ? Truth::no : Truth::yes;
    if (one == Truth::unknown) any = one;
  }
  return statement.not_resource ? negate(any) : any;
}

Truth conditions_hold(const Statement& statement, const ConditionSource& context) {
  Truth all = Truth::yes;
  for (const Condition& condition : statement.conditions) {
    const Truth one = holds(condition, context);
    if (one == Truth::no) return one;
    if (one == Truth::unknown) all = one;
  }
  return all;
}

// A condition that cannot be evaluated makes a Deny apply and an Allow not.
bool is_effective(const Statement& statement, Truth truth) {
  return truth == Truth::yes || (truth == Truth::unknown && !statement.allow);
}

bool covers(const Statement& statement, const Question& question) {
  // A trust policy has no resources: it stands at its role.
  return covers_action(statement, question.action) &&
         (statement.resources.empty() ||
          is_effective(statement, covers_resource(statement, question)));
}
void note_missing(const Statement& statement, const ConditionSource& context,
                  std::vector<std::string>& missing) {
  for (const Condition& condition : statement.conditions)
    if (!context.find(condition.key).values &&
        std::ranges::find(missing, condition.key) == missing.end())
      missing.push_back(condition.key);
}

bool is_root_arn_of(std::string_view arn, std::string_view account) {
  return arn == "arn:aws:iam::" + std::string(account) + ":root";
}

// For one principal of a statement.
Grant match_principal(const PolicyPrincipal& principal, const PrincipalCandidate& candidate) {
  if (!candidate.service.empty())
    return principal.type == "Service" &&
                   ascii_lower(principal.value) == ascii_lower(candidate.service)
               ? Grant::direct
               : Grant::none;
  if (!candidate.provider.empty())
    return principal.type == "Federated" && principal.value == candidate.provider ? Grant::direct
                                                                                  : Grant::none;
  if (principal.type == "*") return Grant::direct;
  if (principal.type != "AWS") return Grant::none;
  if (principal.value == "*" || principal.value == candidate.arn) return Grant::direct;
  if (!candidate.role_arn.empty() && principal.value == candidate.role_arn) return Grant::role;
  if (principal.value == candidate.account || is_root_arn_of(principal.value, candidate.account))
    return Grant::account;
  return Grant::none;
}

}  // namespace

bool applies(const Statement& statement, const Question& question) {
  return covers(statement, question) &&
         is_effective(statement, conditions_hold(statement, question.context));
}

Evaluation evaluate(std::span<const NamedPolicy> policies, const Question& question) {
  std::vector<Evaluation::Match> allowing, denying;
  Evaluation out;
  for (const NamedPolicy& policy : policies)
    for (const Statement& statement : policy.document.statements) {
      if (!covers(statement, question)) continue;
      note_missing(statement, question.context, out.missing_context_keys);
      if (!is_effective(statement, conditions_hold(statement, question.context))) continue;
      (statement.allow ? allowing : denying).push_back({&policy, &statement});
    }
  if (!denying.empty()) {
    out.decision = Decision::explicit_deny;
    out.matched = std::move(denying);
  } else if (!allowing.empty()) {
    out.decision = Decision::allowed;
    out.matched = std::move(allowing);
  }
  return out;
}

Decision decide(std::span<const NamedPolicy> policies, const Question& question) {
  Decision decision = Decision::implicit_deny;
  for (const NamedPolicy& policy : policies)
    for (const Statement& statement : policy.document.statements) {
      if (statement.allow && decision == Decision::allowed) continue;
      if (!applies(statement, question)) continue;
      if (!statement.allow) return Decision::explicit_deny;
      decision = Decision::allowed;
    }
  return decision;
}

Grant grant_of(const Statement& statement, const PrincipalCandidate& candidate) {
  Grant grant = Grant::none;
  for (const PolicyPrincipal& principal : statement.principals)
    grant = std::max(grant, match_principal(principal, candidate));
  if (statement.not_principal) return grant == Grant::none ? Grant::direct : Grant::none;
  return grant;
}

Grant evaluate_resource_policy(const PolicyDocument& document, const PrincipalCandidate& candidate,
                               const Question& question) {
  Grant best = Grant::none;
  for (const Statement& statement : document.statements) {
    if (!applies(statement, question)) continue;
    const Grant grant = grant_of(statement, candidate);
    if (grant == Grant::none) continue;
    if (!statement.allow) return Grant::denied;
    best = std::max(best, grant);
  }
  return best;
}

Decision decide(const CallerPolicies& caller, const std::optional<ResourceSide>& resource,
                const Question& question) {
  using enum Decision;
  const Grant grant = resource ? resource->grant : Grant::none;
  if (grant == Grant::denied) return explicit_deny;
  const Decision own = caller.root ? allowed : decide(caller.identity, question);
  if (own == explicit_deny) return own;
  const Decision bound = caller.boundary ? decide(*caller.boundary, question) : allowed;
  const Decision session = caller.session ? decide(*caller.session, question) : allowed;
  if (bound == explicit_deny || session == explicit_deny) return explicit_deny;

  const bool narrowed = bound == allowed && session == allowed;
  const bool owned = own == allowed && narrowed;
  if (!resource) return owned ? allowed : implicit_deny;
  if (!resource->same_account) return owned && grant > Grant::denied ? allowed : implicit_deny;
  if (grant == Grant::direct) return allowed;
  if (grant == Grant::role) return narrowed ? allowed : implicit_deny;
  if (resource->must_grant && grant != Grant::account) return implicit_deny;
  return owned ? allowed : implicit_deny;
}

}  // namespace tidemill::services::iam
