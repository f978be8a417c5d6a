#include "services/iam/instance_profile/handlers.h"

#include "api/iam/instance_profile.h"
#include "services/iam/errors.h"
#include "services/iam/listing.h"
#include "services/iam/role/handlers.h"
#include "services/iam/tags.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;
using Record = InstanceProfileRecord;

Result<api::iam::InstanceProfile> api_profile(State& state, const Record& record) {
  api::iam::InstanceProfile profile;
  profile.path = record.path;
  profile.instance_profile_name = record.name;
  profile.instance_profile_id = record.id;
  profile.arn = record.arn();
  profile.create_date = record.created;
  if (record.role)
    if (const auto role = TRY(state.find_role(record.account, *record.role)))
      profile.roles.push_back(api_role(*role));
  return profile;
}

Result<ops::CreateInstanceProfile::Output> create_profile(
    State& state, const Context& context, const ops::CreateInstanceProfile::Input& request) {
  Record record;
  record.account = context.account();
  record.path = request.path.value_or("/");
  record.name = request.instance_profile_name;
  record.id = state.make_id("AIPA");
  record.created = state.now_seconds();
  if (request.tags) TRY(merge_tags(*request.tags, record.tags));
  TRY(state.create(record));
  ops::CreateInstanceProfile::Output out;
  out.instance_profile = TRY(api_profile(state, record));
  if (!record.tags.empty()) out.instance_profile->tags = api_tags(record.tags);
  return out;
}

Result<ops::GetInstanceProfile::Output> get_profile(State& state, const Context& context,
                                                    const ops::GetInstanceProfile::Input& request) {
  const Record record = TRY(state.get<Record>(context.account(), request.instance_profile_name));
  ops::GetInstanceProfile::Output out;
  out.instance_profile = TRY(api_profile(state, record));
  if (!record.tags.empty()) out.instance_profile->tags = api_tags(record.tags);
  return out;
}

Result<ops::ListInstanceProfiles::Output> list_profiles(
    State& state, const Context& context, const ops::ListInstanceProfiles::Input& request) {
  auto page = TRY(list_records<Record>(state, context.account(), request,
                                       [](const Record& record) { return record; }));
  ops::ListInstanceProfiles::Output out;
  for (const Record& record : page.items)
    out.instance_profiles.push_back(TRY(api_profile(state, record)));
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

Result<ops::ListInstanceProfilesForRole::Output> list_profiles_for_role(
    State& state, const Context& context, const ops::ListInstanceProfilesForRole::Input& request) {
  const RoleRecord role = TRY(state.get<RoleRecord>(context.account(), request.role_name));
  store::Scan scan{.index = std::string(kRoleIndex), .prefix = role_key(role.account, role.name)};
  std::vector<Record> all;
  do {
    auto found = TRY(instance_profiles_table().scan(state.store(), scan));
    // The prefix also finds longer names.
    for (auto& [record, version] : found.records)
      if (record.role == role.name) all.push_back(std::move(record));
    scan.after = found.next;
  } while (!scan.after.empty());
  auto page = TRY(slice(
      std::move(all), [](const Record& record) { return record.name; }, request.marker,
      request.max_items));
  ops::ListInstanceProfilesForRole::Output out;
  for (const Record& record : page.items)
    out.instance_profiles.push_back(TRY(api_profile(state, record)));
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

Result<api::Empty> delete_profile(State& state, const Context& context,
                                  const ops::DeleteInstanceProfile::Input& request) {
  TRY(state.remove<Record>(
      context.account(), request.instance_profile_name,
      [](const Record& record, store::Transaction&) -> Result<void> {
        if (record.role)
          return delete_conflict(
              "Cannot delete entity, must remove roles from instance profile first.");
        return {};
      }));
  return api::Empty{};
}

Result<api::Empty> add_role(State& state, const Context& context,
                            const ops::AddRoleToInstanceProfile::Input& request) {
  TRY(state.update<Record>(
      context.account(), request.instance_profile_name,
      [&](Record& record, store::Transaction& transaction) -> Result<void> {
        const std::string key = role_key(context.account(), request.role_name);
        auto role = TRY(roles_table().get(state.store(), key));
        if (!role) return no_such_entity(EntityTraits<RoleRecord>::missing(request.role_name));
        if (record.role)
          return limit_exceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
        record.role = role->record.name;
        // The role cannot be deleted before this commits.
        roles_table().put(transaction, key, role->record, role->version);
        return {};
      }));
  return api::Empty{};
}

Result<api::Empty> remove_role(State& state, const Context& context,
                               const ops::RemoveRoleFromInstanceProfile::Input& request) {
  const RoleRecord role = TRY(state.get<RoleRecord>(context.account(), request.role_name));
  TRY(state.update<Record>(context.account(), request.instance_profile_name,
                           [&](Record& record, store::Transaction&) -> Result<void> {
                             if (record.role != role.name)
                               return no_such_entity("The role with name " + request.role_name +
                                                     " cannot be found.");
                             record.role.reset();
                             return {};
                           }));
  return api::Empty{};
}

Result<api::Empty> tag(State& state, const Context& context,
                       const ops::TagInstanceProfile::Input& request) {
  return tag_record<Record>(state, context, request.instance_profile_name, request.tags);
}

Result<api::Empty> untag(State& state, const Context& context,
                         const ops::UntagInstanceProfile::Input& request) {
  return untag_record<Record>(state, context, request.instance_profile_name, request.tag_keys);
}

Result<ops::ListInstanceProfileTags::Output> list_profile_tags(
    State& state, const Context& context, const ops::ListInstanceProfileTags::Input& request) {
  const Record record = TRY(state.get<Record>(context.account(), request.instance_profile_name));
  return list_tags<ops::ListInstanceProfileTags::Output>(record.tags, request);
}

}  // namespace

void add_instance_profile_handlers(Registry& registry, State& state) {
  auto bind = [&state](auto handler) {
    return [&state, handler](Context& context, const auto& request) {
      return handler(state, context, request);
    };
  };
  registry.add<ops::CreateInstanceProfile>(bind(create_profile));
  registry.add<ops::GetInstanceProfile>(bind(get_profile));
  registry.add<ops::ListInstanceProfiles>(bind(list_profiles));
  registry.add<ops::ListInstanceProfilesForRole>(bind(list_profiles_for_role));
  registry.add<ops::DeleteInstanceProfile>(bind(delete_profile));
  registry.add<ops::AddRoleToInstanceProfile>(bind(add_role));
  registry.add<ops::RemoveRoleFromInstanceProfile>(bind(remove_role));
  registry.add<ops::TagInstanceProfile>(bind(tag));
  registry.add<ops::UntagInstanceProfile>(bind(untag));
  registry.add<ops::ListInstanceProfileTags>(bind(list_profile_tags));
}

}  // namespace tidemill::services::iam
