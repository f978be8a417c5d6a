// The resources of calls, for the audit log.
#include <algorithm>

#include "services/iam/authorization/authorize.h"
#include "services/iam/iam_service.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

std::vector<std::string> IamService::resources_of(const Context& context,
                                                  const schema::Service& service,
                                                  const schema::Operation& operation,
                                                  const Value& input) {
  // The role's policy decides about these, so required_actions() does not name it.
  if (service.name == "sts") {
    const Value* role = input.find("RoleArn");
    if (role && role->as_string()) return {*role->as_string()};
    return {};
  }
  const std::string& account = context.account();
  const RoleFinder find_role = [&](std::string_view name) -> Result<std::optional<NamedRole>> {
    const std::optional<RoleRecord> role = TRY(state_->find_role(account, name));
    if (!role) return std::optional<NamedRole>();
    return std::optional(NamedRole{role->arn(), role->permissions_boundary.value_or("")});
  };
  const Result<std::vector<RequiredAction>> required =
      required_actions({service, operation, account, context.region, input}, find_role);
  std::vector<std::string> arns;
  if (!required) return arns;
  for (const RequiredAction& action : *required)
    if (action.resource != "*" && std::ranges::find(arns, action.resource) == arns.end())
      arns.push_back(action.resource);
  return arns;
}

}  // namespace tidemill::services::iam
