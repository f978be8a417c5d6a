// Inline and attached policies of roles.
#include "api/iam/role.h"
#include "services/iam/entity_policies.h"
#include "services/iam/role/handlers.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

struct RoleKind {
  using Record = RoleRecord;
  using Put = ops::PutRolePolicy;
  using Get = ops::GetRolePolicy;
  using Delete = ops::DeleteRolePolicy;
  using List = ops::ListRolePolicies;
  using Attach = ops::AttachRolePolicy;
  using Detach = ops::DetachRolePolicy;
  using ListAttached = ops::ListAttachedRolePolicies;
  template <class Request>
  static const std::string& name(const Request& request) {
    return request.role_name;
  }
  static constexpr std::string_view kNoun = "role", kQuota = "PoliciesPerRole";
  static constexpr std::size_t kInlineCharactersMax = kRoleInlineCharactersMax;
};

}  // namespace

void add_role_policy_handlers(Registry& registry, State& state) {
  EntityPolicies<RoleKind>::add_to(registry, state);
}

}  // namespace tidemill::services::iam
