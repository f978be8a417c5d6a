#include "services/iam/user/handlers.h"

#include "api/iam/user.h"
#include "services/iam/errors.h"
#include "services/iam/role_arn.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

// Without a name: the caller. AWS answers the account itself for its root.
Result<ops::GetUser::Output> get_user(const Context& context, const ops::GetUser::Input& request) {
  if (request.user_name)
    return no_such_entity("The user with name " + *request.user_name + " cannot be found.");
  if (!assumed_role_name(context.principal.arn).empty())
    return validation_error("Must specify userName when calling with non-User credentials");
  ops::GetUser::Output out;
  api::iam::User& user = out.user.emplace();
  user.path = "/";
  user.user_name = context.account();
  user.user_id = context.account();
  user.arn = context.principal.arn;
  user.create_date = Timestamp{0};
  return out;
}

}  // namespace

void add_user_handlers(Registry& registry, State&) {
  registry.add<ops::GetUser>(
      [](Context& context, const auto& request) { return get_user(context, request); });
}

}  // namespace tidemill::services::iam
