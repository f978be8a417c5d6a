// Which records a call's input names: for decisions, and for the audit log.
#include <algorithm>

#include "services/iam/credentials/credential_store.h"
#include "services/iam/iam_asking.h"
#include "services/iam/iam_service.h"
#include "services/iam/policy_language/role_arn.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

EntityFinder entities_of(State& state, std::string_view account) {
  return [&state, account](EntityKind kind,
                           std::string_view name) -> Result<std::optional<NamedEntity>> {
    const auto named = [](const auto& found) {
      if (!found) return std::optional<NamedEntity>();
      NamedEntity entity{found->arn(), ""};
      if constexpr (requires { found->permissions_boundary; })
        entity.boundary = found->permissions_boundary.value_or("");
      return std::optional(std::move(entity));
    };
    switch (kind) {
      case EntityKind::role:
        return named(TRY(state.find<RoleRecord>(account, name)));
      case EntityKind::user:
        return named(TRY(state.find<UserRecord>(account, name)));
      case EntityKind::group:
        return named(TRY(state.find<GroupRecord>(account, name)));
      case EntityKind::instance_profile:
        return named(TRY(state.find<InstanceProfileRecord>(account, name)));
    }
    return std::optional<NamedEntity>();
  };
}

Result<std::vector<RequiredAction>> IamService::needed_actions(const Context& context,
                                                               const schema::Service& service,
                                                               const schema::Operation& operation,
                                                               const Value& input) const {
  if (const auto own = operation_actions_.find(service.name); own != operation_actions_.end())
    return own->second->required_actions(context, operation.name, input);
  const std::string& account = context.account();
  return required_actions(
      {service, operation, account, context.region, input, user_name(context.principal.arn)},
      entities_of(*state_, account));
}

std::vector<std::string> IamService::resources_of(const Context& context,
                                                  const schema::Service& service,
                                                  const schema::Operation& operation,
                                                  const Value& input) {
  // The role's trust policy decides about these, so required_actions() does not name the role.
  if (service.name == "sts") {
    const Value* role = input.find("RoleArn");
    if (role && role->as_string()) return {*role->as_string()};
    return {};
  }
  const Result<std::vector<RequiredAction>> required =
      needed_actions(context, service, operation, input);
  std::vector<std::string> arns;
  if (!required) return arns;
  for (const RequiredAction& action : *required)
    if (action.resource != "*" && std::ranges::find(arns, action.resource) == arns.end())
      arns.push_back(action.resource);
  return arns;
}

platform::SessionFacts IamService::session_of(const Principal& principal) {
  platform::SessionFacts facts;
  const std::shared_ptr<const Session> session = credentials_->session(principal.access_key_id);
  if (session) {
    facts.source_identity = session->source_identity;
    if (session->issued.microseconds > 0) facts.issued = session->issued;
  }
  const bool federated = session && session->federated;
  const std::string role = assumed_role_name(principal.arn);
  const std::string user = federated ? session->issuer_name : std::string();
  if (role.empty() && user.empty()) {
    if (federated)
      facts = {"Root",
               "arn:aws:iam::" + principal.account + ":root",
               principal.account,
               {},
               facts.issued,
               facts.source_identity};
    return facts;
  }
  const auto found = role.empty() ? state_->user_policies(principal.account, user)
                                  : state_->role_policies(principal.account, role);
  // A role or user that was created later with the same name is a different one.
  if (!found || !*found ||
      !(role.empty() ? session->issuer_id == (*found)->id
                     : principal.user_id.starts_with((*found)->id + ":")))
    return facts;
  facts.issuer_type = role.empty() ? "IAMUser" : "Role";
  facts.issuer_arn = (*found)->arn;
  facts.issuer_id = (*found)->id;
  facts.issuer_name = (*found)->name;
  return facts;
}

}  // namespace tidemill::services::iam
