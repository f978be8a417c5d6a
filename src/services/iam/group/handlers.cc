// A user's record says which groups it is in, by their ids; so a group can be renamed.
#include "services/iam/group/handlers.h"

#include "api/iam/group.h"
#include "services/iam/errors.h"
#include "services/iam/listing.h"
#include "services/iam/user/handlers.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

api::iam::Group api_group(const GroupRecord& record) {
  return {record.path, record.name, record.id, record.arn(), record.created};
}

// Keeps the group from being deleted, and its policies from being read, before the transaction
// commits.
Result<GroupRecord> hold_group(State& state, store::Transaction& transaction,
                               std::string_view account, std::string_view name) {
  const std::string key = entity_key(account, name);
  auto found = TRY(groups_table().get(state.store(), key));
  if (!found) return no_such_entity(EntityTraits<GroupRecord>::missing(name));
  groups_table().put(transaction, key, found->record, found->version);
  return std::move(found->record);
}

Result<ops::CreateGroup::Output> create_group(State& state, const Context& context,
                                              const ops::CreateGroup::Input& request) {
  GroupRecord group;
  group.account = context.account();
  group.path = request.path.value_or("/");
  group.name = request.group_name;
  group.id = state.make_id("AGPA");
  group.created = state.now_seconds();
  TRY(state.create(group));
  ops::CreateGroup::Output out;
  out.group = api_group(group);
  return out;
}

Result<ops::GetGroup::Output> get_group(State& state, const Context& context,
                                        const ops::GetGroup::Input& request) {
  const GroupRecord group = TRY(state.get<GroupRecord>(context.account(), request.group_name));
  store::Scan scan{.index = std::string(kGroupIndex),
                   .prefix = store::key({group.account, group.id}),
                   .limit = std::size_t(request.max_items.value_or(kPageItems))};
  scan.after = TRY(read_marker(request.marker));
  auto page = TRY(users_table().scan(state.store(), scan));
  ops::GetGroup::Output out;
  out.group = api_group(group);
  for (const auto& [user, version] : page.records) out.users.push_back(api_user(user));
  out.is_truncated = !page.next.empty();
  if (!page.next.empty()) out.marker = make_marker(page.next);
  return out;
}

Result<ops::ListGroups::Output> list_groups(State& state, const Context& context,
                                            const ops::ListGroups::Input& request) {
  auto page = TRY(list_records<GroupRecord>(state, context.account(), request, api_group));
  ops::ListGroups::Output out;
  out.groups = std::move(page.items);
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

Result<api::Empty> update_group(State& state, const Context& context,
                                const ops::UpdateGroup::Input& request) {
  TRY(state.update<GroupRecord>(context.account(), request.group_name,
                                [&](GroupRecord& group, store::Transaction&) -> Result<void> {
                                  if (request.new_path) group.path = *request.new_path;
                                  if (request.new_group_name) group.name = *request.new_group_name;
                                  return {};
                                }));
  return api::Empty{};
}

Result<api::Empty> delete_group(State& state, const Context& context,
                                const ops::DeleteGroup::Input& request) {
  TRY(state.remove<GroupRecord>(
      context.account(), request.group_name,
      [&](const GroupRecord& group, store::Transaction&) -> Result<void> {
        const auto members =
            TRY(users_table().scan(state.store(), {.index = std::string(kGroupIndex),
                                                   .prefix = store::key({group.account, group.id}),
                                                   .limit = 1}));
        if (!members.records.empty())
          return delete_conflict("Cannot delete entity, must remove users from group first.");
        if (!group.attached_policies.empty())
          return delete_conflict("Cannot delete entity, must detach all policies first.");
        if (!group.inline_policies.empty())
          return delete_conflict("Cannot delete entity, must delete policies first.");
        return {};
      }));
  return api::Empty{};
}

Result<api::Empty> add_user_to_group(State& state, const Context& context,
                                     const ops::AddUserToGroup::Input& request) {
  TRY(state.get<GroupRecord>(context.account(), request.group_name));
  TRY(state.update<UserRecord>(
      context.account(), request.user_name,
      [&](UserRecord& user, store::Transaction& transaction) -> Result<void> {
        const GroupRecord group =
            TRY(hold_group(state, transaction, context.account(), request.group_name));
        if (std::ranges::find(user.groups, group.id) != user.groups.end()) return {};
        if (user.groups.size() >= kGroupsPerUserMax)
          return limit_exceeded("Cannot exceed quota for GroupsPerUser: " +
                                std::to_string(kGroupsPerUserMax));
        user.groups.push_back(group.id);
        return {};
      }));
  return api::Empty{};
}

// Succeeds for a user who is not in the group, as AWS does.
Result<api::Empty> remove_user_from_group(State& state, const Context& context,
                                          const ops::RemoveUserFromGroup::Input& request) {
  const GroupRecord group = TRY(state.get<GroupRecord>(context.account(), request.group_name));
  TRY(state.update<UserRecord>(context.account(), request.user_name,
                               [&](UserRecord& user, store::Transaction&) -> Result<void> {
                                 std::erase(user.groups, group.id);
                                 return {};
                               }));
  return api::Empty{};
}

Result<ops::ListGroupsForUser::Output> list_groups_for_user(
    State& state, const Context& context, const ops::ListGroupsForUser::Input& request) {
  const UserRecord user = TRY(state.get<UserRecord>(context.account(), request.user_name));
  std::vector<api::iam::Group> all;
  for (const std::string& id : user.groups)
    if (const std::optional<GroupRecord> group = TRY(state.group_with_id(user.account, id)))
      all.push_back(api_group(*group));
  auto page = TRY(slice(
      std::move(all), [](const api::iam::Group& group) { return group.group_name; }, request.marker,
      request.max_items));
  ops::ListGroupsForUser::Output out;
  out.groups = std::move(page.items);
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

}  // namespace

void add_group_handlers(Registry& registry, State& state) {
  auto bind = [&state](auto handler) {
    return [&state, handler](Context& context, const auto& request) {
      return handler(state, context, request);
    };
  };
  registry.add<ops::CreateGroup>(bind(create_group));
  registry.add<ops::GetGroup>(bind(get_group));
  registry.add<ops::ListGroups>(bind(list_groups));
  registry.add<ops::UpdateGroup>(bind(update_group));
  registry.add<ops::DeleteGroup>(bind(delete_group));
  registry.add<ops::AddUserToGroup>(bind(add_user_to_group));
  registry.add<ops::RemoveUserFromGroup>(bind(remove_user_from_group));
  registry.add<ops::ListGroupsForUser>(bind(list_groups_for_user));
}

}  // namespace tidemill::services::iam
