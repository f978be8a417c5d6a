#include "services/iam/role/handlers.h"

#include "api/iam/role.h"
#include "base/encoding.h"
#include "services/iam/authorization/key_warning.h"
#include "services/iam/boundary.h"
#include "services/iam/errors.h"
#include "services/iam/limits.h"
#include "services/iam/listing.h"
#include "services/iam/paging.h"
#include "services/iam/policy_language/check.h"
#include "services/iam/role/service_linked.h"
#include "services/iam/tags.h"

namespace tidemill::services::iam {

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

namespace {

namespace ops = api::iam::operations;

Result<PolicyDocument> check_trust_policy(const std::string& document) {
  if (document.size() > kTrustPolicyCharactersMax)
    return limit_exceeded("Cannot exceed quota for ACLSizePerRole: " +
                          std::to_string(kTrustPolicyCharactersMax));
  return parse_new_policy(document, PolicyKind::trust);
}

// Fills the members that CreateRole and GetRole show, and ListRoles does not.
void show_rest(const RoleRecord& record, api::iam::Role& out) {
  if (!record.tags.empty()) out.tags = api_tags(record.tags);
  if (record.permissions_boundary)
    out.permissions_boundary = api_boundary(*record.permissions_boundary);
}

Result<ops::CreateRole::Output> create_role(State& state, Context& context,
                                            const ops::CreateRole::Input& request) {
  const PolicyDocument trust = TRY(check_trust_policy(request.assume_role_policy_document));
  RoleRecord role;
  role.account = context.account();
  role.path = request.path.value_or("/");
  role.name = request.role_name;
  if (is_service_linked(role))
    return fail("InvalidInput",
                "The path " + std::string(kServiceLinkedPath) +
                    " is for service-linked roles: use CreateServiceLinkedRole.",
                400);
  role.id = state.make_id("AROA");
  role.created = state.now_seconds();
  role.created_exactly = state.now();
  role.assume_role_policy = request.assume_role_policy_document;
  role.description = request.description;
  role.max_session_duration_seconds = request.max_session_duration.value_or(3600);
  role.permissions_boundary = request.permissions_boundary;
  store::Transaction with;
  if (role.permissions_boundary)
    TRY(state.hold_policy(with, role.account, *role.permissions_boundary));
  if (request.tags) TRY(merge_tags(*request.tags, role.tags));
  TRY(state.create(role, std::move(with)));
  warn_of_unknown_keys(context, trust);
  ops::CreateRole::Output out;
  out.role = api_role(role);
  // AWS shows it here only to those who set it.
  out.role->max_session_duration = request.max_session_duration;
  show_rest(role, *out.role);
  return out;
}

Result<ops::GetRole::Output> get_role(State& state, const Context& context,
                                      const ops::GetRole::Input& request) {
  const RoleRecord record = TRY(state.get<RoleRecord>(context.account(), request.role_name));
  ops::GetRole::Output out;
  out.role = api_role(record);
  show_rest(record, *out.role);
  out.role->role_last_used.emplace();
  return out;
}

Result<ops::ListRoles::Output> list_roles(State& state, const Context& context,
                                          const ops::ListRoles::Input& request) {
  auto page = TRY(list_records<RoleRecord>(
      state, context.account(), request, api_role,
      [](const api::iam::Role& role) { return role.assume_role_policy_document->size(); }));
  ops::ListRoles::Output out;
  out.roles = std::move(page.items);
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

Result<api::Empty> delete_role(State& state, const Context& context,
                               const ops::DeleteRole::Input& request) {
  TRY(state.remove<RoleRecord>(
      context.account(), request.role_name,
      [&](const RoleRecord& role, store::Transaction&) -> Result<void> {
        TRY(check_modifiable(role));
        if (!role.attached_policies.empty())
          return delete_conflict("Cannot delete entity, must detach all policies first.");
        if (!role.inline_policies.empty())
          return delete_conflict("Cannot delete entity, must delete policies first.");
        auto profiles = TRY(instance_profiles_table().scan(
            state.store(),
            {.index = std::string(kRoleIndex), .prefix = role_key(role.account, role.name)}));
        // The prefix also finds longer names.
        for (const auto& [profile, version] : profiles.records)
          if (profile.role == role.name)
            return delete_conflict(
                "Cannot delete entity, must remove roles from instance profile first.");
        return {};
      }));
  return api::Empty{};
}

using RoleChange = Change<RoleRecord>;

Result<ops::UpdateRole::Output> update_role(State& state, const Context& context,
                                            const ops::UpdateRole::Input& request) {
  const RoleChange change = [&](RoleRecord& role, store::Transaction&) -> Result<void> {
    TRY(check_modifiable(role));
    if (request.description) role.description = request.description;
    if (request.max_session_duration)
      role.max_session_duration_seconds = *request.max_session_duration;
    return {};
  };
  TRY(state.update(context.account(), request.role_name, change));
  return ops::UpdateRole::Output{};
}

Result<ops::UpdateRoleDescription::Output> update_role_description(
    State& state, const Context& context, const ops::UpdateRoleDescription::Input& request) {
  const RoleChange change = [&](RoleRecord& role, store::Transaction&) -> Result<void> {
    role.description = request.description;
    return {};
  };
  ops::UpdateRoleDescription::Output out;
  out.role = api_role(TRY(state.update(context.account(), request.role_name, change)));
  return out;
}

Result<api::Empty> update_assume_role_policy(State& state, Context& context,
                                             const ops::UpdateAssumeRolePolicy::Input& request) {
  const PolicyDocument trust = TRY(check_trust_policy(request.policy_document));
  const RoleChange change = [&](RoleRecord& role, store::Transaction&) -> Result<void> {
    TRY(check_modifiable(role));
    role.assume_role_policy = request.policy_document;
    return {};
  };
  TRY(state.update(context.account(), request.role_name, change));
  warn_of_unknown_keys(context, trust);
  return api::Empty{};
}

Result<api::Empty> put_boundary(State& state, const Context& context,
                                const ops::PutRolePermissionsBoundary::Input& request) {
  return set_boundary<RoleRecord>(state, context, request.role_name, request.permissions_boundary);
}

Result<api::Empty> delete_boundary(State& state, const Context& context,
                                   const ops::DeleteRolePermissionsBoundary::Input& request) {
  return remove_boundary<RoleRecord>(state, context, request.role_name);
}

Result<api::Empty> tag_role(State& state, const Context& context,
                            const ops::TagRole::Input& request) {
  return tag_record<RoleRecord>(state, context, request.role_name, request.tags);
}

Result<api::Empty> untag_role(State& state, const Context& context,
                              const ops::UntagRole::Input& request) {
  return untag_record<RoleRecord>(state, context, request.role_name, request.tag_keys);
}

Result<ops::ListRoleTags::Output> list_role_tags(State& state, const Context& context,
                                                 const ops::ListRoleTags::Input& request) {
  const RoleRecord role = TRY(state.get<RoleRecord>(context.account(), request.role_name));
  return list_tags<ops::ListRoleTags::Output>(role.tags, request);
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
  registry.add<ops::UpdateRoleDescription>(bind(update_role_description));
  registry.add<ops::PutRolePermissionsBoundary>(bind(put_boundary));
  registry.add<ops::DeleteRolePermissionsBoundary>(bind(delete_boundary));
}

}  // namespace tidemill::services::iam
