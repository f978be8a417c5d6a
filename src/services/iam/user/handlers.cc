#include "services/iam/user/handlers.h"

#include "api/iam/user.h"
#include "base/arn.h"
#include "services/iam/boundary.h"
#include "services/iam/errors.h"
#include "services/iam/listing.h"
#include "services/iam/policy_language/role_arn.h"
#include "services/iam/tags.h"

namespace tidemill::services::iam {

api::iam::User api_user(const UserRecord& record) {
  api::iam::User user;
  user.path = record.path;
  user.user_name = record.name;
  user.user_id = record.id;
  user.arn = record.arn();
  user.create_date = record.created;
  return user;
}

Result<std::string> named_or_calling_user(const Context& context,
                                          const std::optional<std::string>& name) {
  if (name) return *name;
  std::string own = user_name(context.principal.arn);
  if (own.empty())
    return validation_error("Must specify userName when calling with non-User credentials");
  return own;
}

namespace {

namespace ops = api::iam::operations;

// Fills the members that CreateUser and GetUser show, and ListUsers does not.
void show_rest(const UserRecord& record, api::iam::User& out) {
  if (!record.tags.empty()) out.tags = api_tags(record.tags);
  if (record.permissions_boundary)
    out.permissions_boundary = api_boundary(*record.permissions_boundary);
}

Result<ops::CreateUser::Output> create_user(State& state, const Context& context,
                                            const ops::CreateUser::Input& request) {
  UserRecord user;
  user.account = context.account();
  user.path = request.path.value_or("/");
  user.name = request.user_name;
  user.id = state.make_id("AIDA");
  user.created = state.now_seconds();
  user.permissions_boundary = request.permissions_boundary;
  store::Transaction with;
  if (user.permissions_boundary)
    TRY(state.hold_policy(with, user.account, *user.permissions_boundary));
  if (request.tags) TRY(merge_tags(*request.tags, user.tags));
  TRY(state.create(user, std::move(with)));
  ops::CreateUser::Output out;
  out.user = api_user(user);
  show_rest(user, *out.user);
  return out;
}

// Without a name: the caller. AWS answers the account itself for its root.
Result<ops::GetUser::Output> get_user(State& state, const Context& context,
                                      const ops::GetUser::Input& request) {
  ops::GetUser::Output out;
  if (!request.user_name && context.principal.root) {
    api::iam::User& user = out.user.emplace();
    user.path = "/";
    user.user_name = context.account();
    user.user_id = context.account();
    user.arn = context.principal.arn;
    user.create_date = Timestamp{0};
    return out;
  }
  const std::string name = TRY(named_or_calling_user(context, request.user_name));
  const UserRecord user = TRY(state.get<UserRecord>(context.account(), name));
  out.user = api_user(user);
  show_rest(user, *out.user);
  return out;
}

Result<ops::ListUsers::Output> list_users(State& state, const Context& context,
                                          const ops::ListUsers::Input& request) {
  auto page = TRY(list_records<UserRecord>(state, context.account(), request, api_user));
  ops::ListUsers::Output out;
  out.users = std::move(page.items);
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

Result<api::Empty> update_user(State& state, const Context& context,
                               const ops::UpdateUser::Input& request) {
  TRY(state.update<UserRecord>(context.account(), request.user_name,
                               [&](UserRecord& user, store::Transaction&) -> Result<void> {
                                 if (request.new_path) user.path = *request.new_path;
                                 if (request.new_user_name) user.name = *request.new_user_name;
                                 return {};
                               }));
  return api::Empty{};
}

Result<api::Empty> delete_user(State& state, const Context& context,
                               const ops::DeleteUser::Input& request) {
  TRY(state.remove<UserRecord>(
      context.account(), request.user_name,
      [](const UserRecord& user, store::Transaction&) -> Result<void> {
        if (!user.groups.empty())
          return delete_conflict("Cannot delete entity, must remove users from group first.");
        if (!user.attached_policies.empty())
          return delete_conflict("Cannot delete entity, must detach all policies first.");
        if (!user.access_keys.empty())
          return delete_conflict("Cannot delete entity, must delete access keys first.");
        if (!user.inline_policies.empty())
          return delete_conflict("Cannot delete entity, must delete policies first.");
        return {};
      }));
  return api::Empty{};
}

Result<api::Empty> put_boundary(State& state, const Context& context,
                                const ops::PutUserPermissionsBoundary::Input& request) {
  return set_boundary<UserRecord>(state, context, request.user_name, request.permissions_boundary);
}

Result<api::Empty> delete_boundary(State& state, const Context& context,
                                   const ops::DeleteUserPermissionsBoundary::Input& request) {
  return remove_boundary<UserRecord>(state, context, request.user_name);
}

Result<api::Empty> tag_user(State& state, const Context& context,
                            const ops::TagUser::Input& request) {
  return tag_record<UserRecord>(state, context, request.user_name, request.tags);
}

Result<api::Empty> untag_user(State& state, const Context& context,
                              const ops::UntagUser::Input& request) {
  return untag_record<UserRecord>(state, context, request.user_name, request.tag_keys);
}

Result<ops::ListUserTags::Output> list_user_tags(State& state, const Context& context,
                                                 const ops::ListUserTags::Input& request) {
  const UserRecord user = TRY(state.get<UserRecord>(context.account(), request.user_name));
  return list_tags<ops::ListUserTags::Output>(user.tags, request);
}

}  // namespace

void add_user_handlers(Registry& registry, State& state) {
  auto bind = [&state](auto handler) {
    return [&state, handler](Context& context, const auto& request) {
      return handler(state, context, request);
    };
  };
  registry.add<ops::CreateUser>(bind(create_user));
  registry.add<ops::GetUser>(bind(get_user));
  registry.add<ops::ListUsers>(bind(list_users));
  registry.add<ops::UpdateUser>(bind(update_user));
  registry.add<ops::DeleteUser>(bind(delete_user));
  registry.add<ops::PutUserPermissionsBoundary>(bind(put_boundary));
  registry.add<ops::DeleteUserPermissionsBoundary>(bind(delete_boundary));
  registry.add<ops::TagUser>(bind(tag_user));
  registry.add<ops::UntagUser>(bind(untag_user));
  registry.add<ops::ListUserTags>(bind(list_user_tags));
}

}  // namespace tidemill::services::iam
