#include "services/iam/role/handlers.h"

#include "api/iam/instance_profile.h"
#include "api/iam/role.h"
#include "base/encoding.h"
#include "services/iam/authorization/key_warning.h"
#include "services/iam/errors.h"
#include "services/iam/limits.h"
#include "services/iam/paging.h"
#include "services/iam/policy_language/document.h"
#include "services/iam/policy_language/wildcard.h"
#include "services/iam/tags.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

// Documents travel percent-encoded in answers, as IAM sends them; clients decode them.
api::iam::Role api_role(const RoleRecord& record) {
  api::iam::Role role;
  role.path = record.path;
  role.role_name = record.name;
  role.role_id = record.id;
  role.arn = record.arn();
  role.create_date = record.created;
  role.assume_role_policy_document = percent_encode(record.assume_role_policy);
  role.description = record.description;
  role.max_session_duration = record.max_session_duration_seconds;
  return role;
}

Result<PolicyDocument> check_trust_policy(const std::string& document) {
  if (document.size() > kTrustPolicyCharactersMax)
    return limit_exceeded("Cannot exceed quota for ACLSizePerRole: " +
                          std::to_string(kTrustPolicyCharactersMax));
  return parse_policy(document, PolicyKind::trust);
}

Result<ops::CreateRole::Output> create_role(State& state, Context& context,
                                            const ops::CreateRole::Input& request) {
  const PolicyDocument trust = TRY(check_trust_policy(request.assume_role_policy_document));
  RoleRecord role;
  role.account = context.account();
  role.path = request.path.value_or("/");
  role.name = request.role_name;
  role.id = state.make_id("AROA");
  role.created = state.now_seconds();
  role.created_exactly = state.now();
  role.assume_role_policy = request.assume_role_policy_document;
  role.description = request.description;
  role.max_session_duration_seconds = request.max_session_duration.value_or(3600);
  if (request.permissions_boundary) {
    TRY(state.policy_document(role.account, *request.permissions_boundary));
    role.permissions_boundary = request.permissions_boundary;
  }
  if (request.tags) TRY(merge_tags(*request.tags, role.tags));
  TRY(state.create_role(role));
  warn_of_unknown_keys(context, trust);
  ops::CreateRole::Output out;
  out.role = api_role(role);
  if (!role.tags.empty()) out.role->tags = api_tags(role.tags);
  return out;
}

Result<ops::GetRole::Output> get_role(State& state, const Context& context,
                                      const ops::GetRole::Input& request) {
  const RoleRecord record = TRY(state.role(context.account(), request.role_name));
  ops::GetRole::Output out;
  out.role = api_role(record);
  if (!record.tags.empty()) out.role->tags = api_tags(record.tags);
  out.role->role_last_used.emplace();
  if (record.permissions_boundary) {
    out.role->permissions_boundary.emplace().permissions_boundary_type = "Policy";
    out.role->permissions_boundary->permissions_boundary_arn = record.permissions_boundary;
  }
  return out;
}

Result<ops::ListRoles::Output> list_roles(State& state, const Context& context,
                                          const ops::ListRoles::Input& request) {
  const std::string path_prefix = request.path_prefix.value_or("/");
  const std::size_t limit = std::size_t(request.max_items.value_or(kPageItems));
  store::Scan scan{.prefix = store::key({context.account(), ""}),
                   .after = TRY(read_marker(request.marker)),
                   .page_bytes_max = kListedBytesMax};
  ops::ListRoles::Output out;
  std::string last;
  std::size_t shown_bytes = 0;
  do {
    auto page = TRY(roles_table().scan(state.store(), scan));
    for (const auto& [record, version] : page.records) {
      if (!record.path.starts_with(path_prefix)) continue;
      if (out.roles.size() == limit || shown_bytes > kListedBytesMax) {
        out.is_truncated = true;
        out.marker = make_marker(last);
        return out;
      }
      out.roles.push_back(api_role(record));
      shown_bytes += out.roles.back().assume_role_policy_document.value_or("").size();
      last = role_key(record.account, record.name);
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  out.is_truncated = false;
  return out;
}

Result<api::Empty> delete_role(State& state, const Context& context,
                               const ops::DeleteRole::Input& request) {
  TRY(state.delete_role(
      context.account(), request.role_name, [](const RoleRecord& role) -> Result<void> {
        if (!role.attached_policies.empty())
          return delete_conflict("Cannot delete entity, must detach all policies first.");
        if (!role.inline_policies.empty())
          return delete_conflict("Cannot delete entity, must delete policies first.");
        return {};
      }));
  return api::Empty{};
}

Result<ops::UpdateRole::Output> update_role(State& state, const Context& context,
                                            const ops::UpdateRole::Input& request) {
  TRY(state.update_role(context.account(), request.role_name,
                        [&](RoleRecord& role) -> Result<void> {
                          if (request.description) role.description = request.description;
                          if (request.max_session_duration)
                            role.max_session_duration_seconds = *request.max_session_duration;
                          return {};
                        }));
  return ops::UpdateRole::Output{};
}

Result<api::Empty> update_assume_role_policy(State& state, Context& context,
                                             const ops::UpdateAssumeRolePolicy::Input& request) {
  const PolicyDocument trust = TRY(check_trust_policy(request.policy_document));
  TRY(state.update_role(context.account(), request.role_name,
                        [&](RoleRecord& role) -> Result<void> {
                          role.assume_role_policy = request.policy_document;
                          return {};
                        }));
  warn_of_unknown_keys(context, trust);
  return api::Empty{};
}

Result<api::Empty> tag_role(State& state, const Context& context,
                            const ops::TagRole::Input& request) {
  TRY(state.update_role(context.account(), request.role_name,
                        [&](RoleRecord& role) { return merge_tags(request.tags, role.tags); }));
  return api::Empty{};
}

Result<api::Empty> untag_role(State& state, const Context& context,
                              const ops::UntagRole::Input& request) {
  TRY(state.update_role(
      context.account(), request.role_name, [&](RoleRecord& role) -> Result<void> {
        // IAM compares the keys of tags without regard to case.
        std::erase_if(role.tags, [&](const TagRecord& tag) {
          return std::ranges::any_of(request.tag_keys, [&](const std::string& key) {
            return ascii_lower(key) == ascii_lower(tag.key);
          });
        });
        return {};
      }));
  return api::Empty{};
}

Result<ops::ListRoleTags::Output> list_role_tags(State& state, const Context& context,
                                                 const ops::ListRoleTags::Input& request) {
  const RoleRecord role = TRY(state.role(context.account(), request.role_name));
  auto page = TRY(slice(
      api_tags(role.tags), [](const api::iam::Tag& tag) { return tag.key; }, request.marker,
      request.max_items));
  ops::ListRoleTags::Output out;
  out.tags = std::move(page.items);
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

// Instance profiles cannot be made here, so no role is in one; tools ask before they delete a role.
Result<ops::ListInstanceProfilesForRole::Output> list_instance_profiles(
    State& state, const Context& context, const ops::ListInstanceProfilesForRole::Input& request) {
  TRY(state.role(context.account(), request.role_name));
  ops::ListInstanceProfilesForRole::Output out;
  out.is_truncated = false;
  return out;
}

}  // namespace

void add_role_handlers(Registry& registry, State& state) {
  auto bind = [&state](auto handler) {
    return [&state, handler](Context& context, const auto& request) {
      return handler(state, context, request);
    };
  };
  registry.add<ops::CreateRole>(bind(create_role));
  registry.add<ops::GetRole>(bind(get_role));
  registry.add<ops::ListRoles>(bind(list_roles));
  registry.add<ops::DeleteRole>(bind(delete_role));
  registry.add<ops::UpdateRole>(bind(update_role));
  registry.add<ops::UpdateAssumeRolePolicy>(bind(update_assume_role_policy));
  registry.add<ops::TagRole>(bind(tag_role));
  registry.add<ops::UntagRole>(bind(untag_role));
  registry.add<ops::ListRoleTags>(bind(list_role_tags));
  registry.add<ops::ListInstanceProfilesForRole>(bind(list_instance_profiles));
}

}  // namespace tidemill::services::iam
