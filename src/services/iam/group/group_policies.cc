// Inline and attached policies of groups.
#include "api/iam/group.h"
#include "services/iam/entity_policies.h"
#include "services/iam/group/handlers.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

struct GroupKind {
  using Record = GroupRecord;
  using Put = ops::PutGroupPolicy;
  using Get = ops::GetGroupPolicy;
  using Delete = ops::DeleteGroupPolicy;
  using List = ops::ListGroupPolicies;
  using Attach = ops::AttachGroupPolicy;
  using Detach = ops::DetachGroupPolicy;
  using ListAttached = ops::ListAttachedGroupPolicies;
  template <class Request>
  static const std::string& name(const Request& request) {
    return request.group_name;
  }
  static constexpr std::string_view kNoun = "group", kQuota = "PoliciesPerGroup";
  static constexpr std::size_t kInlineCharactersMax = kGroupInlineCharactersMax;
};

}  // namespace

void add_group_policy_handlers(Registry& registry, State& state) {
  EntityPolicies<GroupKind>::add_to(registry, state);
}

}  // namespace tidemill::services::iam
