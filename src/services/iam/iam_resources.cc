// Which records a call's input names: for decisions, and for the audit log.
#include <algorithm>

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
  const std::string& account = context.account();
  const Result<std::vector<RequiredAction>> required = required_actions(
      {service, operation, account, context.region, input, user_name(context.principal.arn)},
      entities_of(*state_, account));
  std::vector<std::string> arns;
  if (!required) return arns;
  for (const RequiredAction& action : *required)
    if (action.resource != "*" && std::ranges::find(arns, action.resource) == arns.end())
      arns.push_back(action.resource);
  return arns;
}

}  // namespace tidemill::services::iam
