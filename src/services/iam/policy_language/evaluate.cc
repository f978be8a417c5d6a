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

bool covers_resource(const Statement& statement, const Question& question) {
  const bool any = std::ranges::any_of(statement.resources, [&](const std::string& pattern) {
    if (pattern.find("${") == pattern.npos) return matches_wildcard(pattern, question.resource);
    std::string text;
    return substitute_variables(pattern, question.context, text) &&
           matches_wildcard(text, question.resource);
  });
  return any != statement.not_resource;
}

bool conditions_hold(const Statement& statement, const ConditionValues& context) {
  return std::ranges::all_of(statement.conditions,
                             [&](const Condition& condition) { return holds(condition, context); });
}

void note_missing(const Statement& statement, const ConditionValues& context,
                  std::vector<std::string>& missing) {
  for (const Condition& condition : statement.conditions)
    if (!context.contains(condition.key) &&
        std::ranges::find(missing, condition.key) == missing.end())
      missing.push_back(condition.key);
}

bool is_root_arn_of(std::string_view arn, std::string_view account) {
  return arn.ends_with("::" + std::string(account) + ":root") && arn.starts_with("arn:");
}

// direct, account or none: for one principal of a statement.
Trust match_principal(const PolicyPrincipal& principal, const TrustCandidate& candidate) {
  if (!candidate.service.empty())
    return principal.type == "Service" &&
                   ascii_lower(principal.value) == ascii_lower(candidate.service)
               ? Trust::direct
               : Trust::none;
  if (principal.type == "*") return Trust::direct;
  if (principal.type != "AWS") return Trust::none;
  if (principal.value == "*") return Trust::direct;
  if (principal.value == candidate.arn ||
      (!candidate.role_arn.empty() && principal.value == candidate.role_arn))
    return Trust::direct;
  if (principal.value == candidate.account || is_root_arn_of(principal.value, candidate.account))
    return Trust::account;
  return Trust::none;
}

}  // namespace

Evaluation evaluate(std::span<const NamedPolicy> policies, const Question& question) {
  std::vector<const NamedPolicy*> allowing, denying;
  Evaluation out;
  for (const NamedPolicy& policy : policies) {
    bool allows = false, denies = false;
    for (const Statement& statement : policy.document.statements) {
      if (!covers_action(statement, question.action) || !covers_resource(statement, question))
        continue;
      note_missing(statement, question.context, out.missing_context_keys);
      if (!conditions_hold(statement, question.context)) continue;
      (statement.allow ? allows : denies) = true;
    }
    if (allows) allowing.push_back(&policy);
    if (denies) denying.push_back(&policy);
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

Trust evaluate_trust(const PolicyDocument& document, const TrustCandidate& candidate,
                     std::string_view action, const ConditionValues& context) {
  Trust best = Trust::none;
  for (const Statement& statement : document.statements) {
    if (!covers_action(statement, action) || !conditions_hold(statement, context)) continue;
    Trust trust = Trust::none;
    for (const PolicyPrincipal& principal : statement.principals)
      trust = std::max(trust, match_principal(principal, candidate));
    if (statement.not_principal) trust = trust == Trust::none ? Trust::direct : Trust::none;
    if (trust == Trust::none) continue;
    if (!statement.allow) return Trust::denied;
    best = std::max(best, trust);
  }
  return best;
}

}  // namespace tidemill::services::iam
