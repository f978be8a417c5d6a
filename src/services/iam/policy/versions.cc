// Versions of managed policies (five at most, one of them in force), their tags, and who uses them.
#include <algorithm>

#include "api/iam/policy.h"
#include "base/encoding.h"
#include "services/iam/authorization/key_warning.h"
#include "services/iam/errors.h"
#include "services/iam/limits.h"
#include "services/iam/paging.h"
#include "services/iam/policy/handlers.h"
#include "services/iam/policy/policy_view.h"
#include "services/iam/tags.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

api::iam::PolicyVersion api_version(const PolicyRecord& policy,
                                    const PolicyVersionRecord& version) {
  api::iam::PolicyVersion out;
  out.version_id = version_id(version.number);
  out.is_default_version = version.number == policy.default_version;
  out.create_date = version.created;
  return out;
}

std::unexpected<Error> no_version(const std::string& arn, const std::string& id) {
  return no_such_entity("Policy " + arn + " version " + id +
                        " does not exist or is not attachable.");
}

auto find_version(std::vector<PolicyVersionRecord>& versions, const std::string& id) {
  return std::ranges::find_if(versions, [&](const PolicyVersionRecord& version) {
    return version_id(version.number) == id;
  });
}

// Changes a customer's policy, whose versions are spelled out before the change.
Result<PolicyRecord> change_policy(State& state, const Context& context, const std::string& arn,
                                   const std::function<Result<void>(PolicyRecord&)>& change) {
  const PolicyRecord policy = TRY(state.policy(context.account(), arn));
  return state.update<PolicyRecord>(context.account(), policy.name,
                                    [&](PolicyRecord& record, store::Transaction&) -> Result<void> {
                                      // Meanwhile another policy may have taken the name.
                                      if (record.arn() != arn)
                                        return no_such_entity("Policy " + arn + " was not found.");
                                      record.versions = record.all_versions();
                                      return change(record);
                                    });
}

Result<ops::CreatePolicyVersion::Output> create_version(
    State& state, Context& context, const ops::CreatePolicyVersion::Input& request) {
  const PolicyDocument document = TRY(check_managed_document(request.policy_document));
  const PolicyRecord policy = TRY(
      change_policy(state, context, request.policy_arn, [&](PolicyRecord& record) -> Result<void> {
        if (record.versions.size() >= kPolicyVersionsMax)
          return limit_exceeded("A managed policy can have up to " +
                                std::to_string(kPolicyVersionsMax) +
                                " versions. Before you create a new version, you must delete an "
                                "existing version.");
        const Timestamp now = state.now_seconds();
        record.versions.push_back({++record.last_version, now, request.policy_document});
        record.updated = now;
        if (!request.set_as_default.value_or(false)) return {};
        record.default_version = record.last_version;
        record.document = request.policy_document;
        return {};
      }));
  warn_of_unknown_keys(context, document);
  ops::CreatePolicyVersion::Output out;
  out.policy_version = api_version(policy, policy.versions.back());
  return out;
}

Result<api::Empty> delete_version(State& state, const Context& context,
                                  const ops::DeletePolicyVersion::Input& request) {
  TRY(change_policy(state, context, request.policy_arn, [&](PolicyRecord& record) -> Result<void> {
    const auto version = find_version(record.versions, request.version_id);
    if (version == record.versions.end()) return no_version(request.policy_arn, request.version_id);
    if (version->number == record.default_version)
      return delete_conflict("Cannot delete the default version of a policy.");
    record.versions.erase(version);
    record.updated = state.now_seconds();
    return {};
  }));
  return api::Empty{};
}

Result<api::Empty> set_default_version(State& state, const Context& context,
                                       const ops::SetDefaultPolicyVersion::Input& request) {
  TRY(change_policy(state, context, request.policy_arn, [&](PolicyRecord& record) -> Result<void> {
    const auto version = find_version(record.versions, request.version_id);
    if (version == record.versions.end()) return no_version(request.policy_arn, request.version_id);
    record.default_version = version->number;
    record.document = version->document;
    record.updated = state.now_seconds();
    return {};
  }));
  return api::Empty{};
}

Result<ops::GetPolicyVersion::Output> get_version(State& state, const Context& context,
                                                  const ops::GetPolicyVersion::Input& request) {
  const PolicyRecord record = TRY(any_policy(state, context, request.policy_arn));
  std::vector<PolicyVersionRecord> versions = record.all_versions();
  const auto version = find_version(versions, request.version_id);
  if (version == versions.end()) return no_version(request.policy_arn, request.version_id);
  ops::GetPolicyVersion::Output out;
  out.policy_version = api_version(record, *version);
  out.policy_version->document = percent_encode(version->document);
  return out;
}

Result<ops::ListPolicyVersions::Output> list_versions(
    State& state, const Context& context, const ops::ListPolicyVersions::Input& request) {
  const PolicyRecord record = TRY(any_policy(state, context, request.policy_arn));
  // The newest first, as AWS lists them; the keys of the page sort that way.
  auto page = TRY(slice(
      record.all_versions(),
      [](const PolicyVersionRecord& version) {
        constexpr std::int64_t kBehindAll = 1'000'000'000'000;
        return std::to_string(kBehindAll - version.number);
      },
      request.marker, request.max_items));
  ops::ListPolicyVersions::Output out;
  out.versions.emplace();
  for (const PolicyVersionRecord& version : page.items)
    out.versions->push_back(api_version(record, version));
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

// One role, user or group, as ListEntitiesForPolicy orders them.
struct Entity {
  std::string position;  // "role:name"
  std::string name, id;
};

template <class Record>
Result<void> collect(State& state, const Context& context,
                     const ops::ListEntitiesForPolicy::Input& request, std::string_view index,
                     std::string_view kind, std::vector<Entity>& out) {
  store::Scan scan{.index = std::string(index),
                   .prefix = store::key({context.account(), request.policy_arn}),
                   .page_bytes_max = kListedBytesMax};
  do {
    auto page = TRY(EntityTraits<Record>::table().scan(state.store(), scan));
    for (const auto& [record, version] : page.records) {
      bool uses = false;
      if constexpr (requires { record.permissions_boundary; })
        if (index == kBoundaryIndex) uses = record.permissions_boundary == request.policy_arn;
      if (index == kAttachedPolicyIndex)
        uses = std::ranges::find(record.attached_policies, request.policy_arn) !=
               record.attached_policies.end();
      if (uses && record.path.starts_with(request.path_prefix.value_or("/")))
        out.push_back({std::string(kind) + record.name, record.name, record.id});
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  return {};
}

Result<ops::ListEntitiesForPolicy::Output> list_entities(
    State& state, const Context& context, const ops::ListEntitiesForPolicy::Input& request) {
  TRY(any_policy(state, context, request.policy_arn));
  const std::string filter = request.entity_filter.value_or("");
  const std::string usage = request.policy_usage_filter.value_or("");
  std::vector<Entity> all;
  for (const std::string_view index : {kAttachedPolicyIndex, kBoundaryIndex}) {
    const bool boundary = index == kBoundaryIndex;
    if (!usage.empty() && (usage == "PermissionsBoundary") != boundary) continue;
    if (filter.empty() || filter == "Role")
      TRY(collect<RoleRecord>(state, context, request, index, "role:", all));
    if (filter.empty() || filter == "User")
      TRY(collect<UserRecord>(state, context, request, index, "user:", all));
    if (!boundary && (filter.empty() || filter == "Group"))
      TRY(collect<GroupRecord>(state, context, request, index, "group:", all));
  }
  // An entity that has the policy attached and as its boundary is listed once.
  std::ranges::sort(all, {}, &Entity::position);
  const auto repeated = std::ranges::unique(all, {}, &Entity::position);
  all.erase(repeated.begin(), repeated.end());
  auto page = TRY(slice(
      std::move(all), [](const Entity& entity) { return entity.position; }, request.marker,
      request.max_items));
  ops::ListEntitiesForPolicy::Output out;
  out.policy_roles.emplace();
  out.policy_users.emplace();
  out.policy_groups.emplace();
  for (Entity& entity : page.items) {
    if (entity.position.starts_with("role:"))
      out.policy_roles->push_back({std::move(entity.name), std::move(entity.id)});
    else if (entity.position.starts_with("user:"))
      out.policy_users->push_back({std::move(entity.name), std::move(entity.id)});
    else
      out.policy_groups->push_back({std::move(entity.name), std::move(entity.id)});
  }
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

Result<api::Empty> tag_policy(State& state, const Context& context,
                              const ops::TagPolicy::Input& request) {
  TRY(change_policy(state, context, request.policy_arn,
                    [&](PolicyRecord& record) { return merge_tags(request.tags, record.tags); }));
  return api::Empty{};
}

Result<api::Empty> untag_policy(State& state, const Context& context,
                                const ops::UntagPolicy::Input& request) {
  TRY(change_policy(state, context, request.policy_arn, [&](PolicyRecord& record) -> Result<void> {
    remove_tags(request.tag_keys, record.tags);
    return {};
  }));
  return api::Empty{};
}

Result<ops::ListPolicyTags::Output> list_policy_tags(State& state, const Context& context,
                                                     const ops::ListPolicyTags::Input& request) {
  const PolicyRecord record = TRY(any_policy(state, context, request.policy_arn));
  return list_tags<ops::ListPolicyTags::Output>(record.tags, request);
}

}  // namespace

void add_policy_version_handlers(Registry& registry, State& state) {
  auto bind = [&state](auto handler) {
    return [&state, handler](Context& context, const auto& request) {
      return handler(state, context, request);
    };
  };
  registry.add<ops::CreatePolicyVersion>(bind(create_version));
  registry.add<ops::DeletePolicyVersion>(bind(delete_version));
  registry.add<ops::SetDefaultPolicyVersion>(bind(set_default_version));
  registry.add<ops::GetPolicyVersion>(bind(get_version));
  registry.add<ops::ListPolicyVersions>(bind(list_versions));
  registry.add<ops::ListEntitiesForPolicy>(bind(list_entities));
  registry.add<ops::TagPolicy>(bind(tag_policy));
  registry.add<ops::UntagPolicy>(bind(untag_policy));
  registry.add<ops::ListPolicyTags>(bind(list_policy_tags));
}

}  // namespace tidemill::services::iam
