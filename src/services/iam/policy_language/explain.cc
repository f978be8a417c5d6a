#include "services/iam/policy_language/explain.h"

namespace tidemill::services::iam {
namespace {

// "statement 2 (NoDeletes)"; the numbers begin at one.
std::string statement_text(const PolicyDocument& document, std::size_t index) {
  const std::string& id = document.statements[index].id;
  return "statement " + std::to_string(index + 1) + (id.empty() ? "" : " (" + id + ")");
}

std::optional<std::string> denying(std::span<const NamedPolicy> policies,
                                   const Question& question) {
  for (const NamedPolicy& policy : policies)
    for (std::size_t i = 0; i < policy.document.statements.size(); ++i)
      if (const Statement& statement = policy.document.statements[i];
          !statement.allow && applies(statement, question))
        return (policy.arn.empty() ? policy.id : policy.arn) + ", " +
               statement_text(policy.document, i);
  return std::nullopt;
}

std::optional<std::string> denying(const ResourceDocument& resource, const Question& question) {
  const auto& statements = resource.document.statements;
  for (std::size_t i = 0; i < statements.size(); ++i)
    if (!statements[i].allow && applies(statements[i], question) &&
        grant_of(statements[i], resource.candidate) != Grant::none)
      return statement_text(resource.document, i);
  return std::nullopt;
}

std::string explicitly(const char* kind, const std::string& where) {
  return std::string(" with an explicit deny in ") + kind + ": " + where;
}

std::string nowhere(const char* kind, const Question& question) {
  return std::string(" because no ") + kind + " allows the " + std::string(question.action) +
         " action";
}

}  // namespace

std::string explain_refusal(const CallerPolicies& caller, const std::optional<ResourceSide>& side,
                            const std::optional<ResourceDocument>& resource,
                            const Question& question) {
  if (resource)
    if (const auto where = denying(*resource, question))
      return explicitly("a resource-based policy", *where);
  if (side && side->grant == Grant::denied)
    return " with an explicit deny in a resource-based policy";
  if (!caller.root)
    if (const auto where = denying(caller.identity, question))
      return explicitly("an identity-based policy", *where);
  if (caller.boundary)
    if (const auto where = denying(*caller.boundary, question))
      return explicitly("a permissions boundary", *where);
  if (caller.session)
    if (const auto where = denying(*caller.session, question))
      return explicitly("a session policy", *where);

  const bool owned = caller.root || decide(caller.identity, question) == Decision::allowed;
  const bool granted_to_role = side && side->grant == Grant::role;
  if (!owned && !granted_to_role) return nowhere("identity-based policy", question);
  if (caller.boundary && decide(*caller.boundary, question) != Decision::allowed)
    return nowhere("permissions boundary", question);
  if (caller.session && decide(*caller.session, question) != Decision::allowed)
    return nowhere("session policy", question);
  return nowhere("resource-based policy", question);
}

}  // namespace tidemill::services::iam
