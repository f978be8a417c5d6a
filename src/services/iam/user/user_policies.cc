// Inline and attached policies of users.
#include "api/iam/user.h"
#include "services/iam/entity_policies.h"
#include "services/iam/user/handlers.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

struct UserKind {
  using Record = UserRecord;
  using Put = ops::PutUserPolicy;
  using Get = ops::GetUserPolicy;
  using Delete = ops::DeleteUserPolicy;
  using List = ops::ListUserPolicies;
  using Attach = ops::AttachUserPolicy;
  using Detach = ops::DetachUserPolicy;
  using ListAttached = ops::ListAttachedUserPolicies;
  template <class Request>
  static const std::string& name(const Request& request) {
    return request.user_name;
  }
  static constexpr std::string_view kNoun = "user", kQuota = "PoliciesPerUser";
  static constexpr std::size_t kInlineCharactersMax = kUserInlineCharactersMax;
};

}  // namespace

void add_user_policy_handlers(Registry& registry, State& state) {
  EntityPolicies<UserKind>::add_to(registry, state);
}

}  // namespace tidemill::services::iam
