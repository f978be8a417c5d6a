// Inline and attached policies of roles.
#include <algorithm>

#include "api/iam/role.h"
#include "base/encoding.h"
#include "services/iam/authorization/key_warning.h"
#include "services/iam/errors.h"
#include "services/iam/limits.h"
#include "services/iam/paging.h"
#include "services/iam/policy_language/document.h"
#include "services/iam/role/handlers.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

std::unexpected<Error> no_inline_policy(const std::string& name) {
  return no_such_entity("The role policy with name " + name + " cannot be found.");
}

Result<api::Empty> put_role_policy(State& state, Context& context,
                                   const ops::PutRolePolicy::Input& request) {
  const PolicyDocument document = TRY(parse_policy(request.policy_document, PolicyKind::identity));
  TRY(state.update_role(
      context.account(), request.role_name, [&](RoleRecord& role) -> Result<void> {
        role.inline_policies[request.policy_name] = request.policy_document;
        std::size_t characters = 0;
        for (const auto& [name, text] : role.inline_policies)
          characters += std::ranges::count_if(text, [](char c) { return !std::isspace(c); });
        if (characters > kInlinePoliciesCharactersMax)
          return limit_exceeded("Maximum policy size of " +
                                std::to_string(kInlinePoliciesCharactersMax) +
                                " bytes exceeded for role " + role.name);
        return {};
      }));
  warn_of_unknown_keys(context, document);
  return api::Empty{};
}

Result<ops::GetRolePolicy::Output> get_role_policy(State& state, const Context& context,
                                                   const ops::GetRolePolicy::Input& request) {
  const RoleRecord role = TRY(state.role(context.account(), request.role_name));
  const auto found = role.inline_policies.find(request.policy_name);
  if (found == role.inline_policies.end()) return no_inline_policy(request.policy_name);
  return ops::GetRolePolicy::Output{role.name, found->first, percent_encode(found->second)};
}

Result<api::Empty> delete_role_policy(State& state, const Context& context,
                                      const ops::DeleteRolePolicy::Input& request) {
  TRY(state.update_role(context.account(), request.role_name,
                        [&](RoleRecord& role) -> Result<void> {
                          if (role.inline_policies.erase(request.policy_name) == 0)
                            return no_inline_policy(request.policy_name);
                          return {};
                        }));
  return api::Empty{};
}

Result<ops::ListRolePolicies::Output> list_role_policies(
    State& state, const Context& context, const ops::ListRolePolicies::Input& request) {
  const RoleRecord role = TRY(state.role(context.account(), request.role_name));
  std::vector<std::string> names;
  names.reserve(role.inline_policies.size());
  for (const auto& [name, text] : role.inline_policies) names.push_back(name);
  auto page = TRY(slice(std::move(names), std::identity(), request.marker, request.max_items));
  ops::ListRolePolicies::Output out;
  out.policy_names = std::move(page.items);
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

Result<api::Empty> attach_role_policy(State& state, const Context& context,
                                      const ops::AttachRolePolicy::Input& request) {
  auto document = state.policy_document(context.account(), request.policy_arn);
  if (!document) {
    if (document.error().code != "NoSuchEntity") return fail(std::move(document.error()));
    return no_such_entity("Policy " + request.policy_arn +
                          " does not exist or is not attachable. Of AWS's own policies, "
                          "ListPolicies names those that Tidemill has.");
  }
  TRY(state.update_role(context.account(), request.role_name,
                        [&](RoleRecord& role) -> Result<void> {
                          auto& attached = role.attached_policies;
                          if (std::ranges::find(attached, request.policy_arn) != attached.end())
                            return {};
                          if (attached.size() >= kAttachedPoliciesMax)
                            return limit_exceeded("Cannot exceed quota for PoliciesPerRole: " +
                                                  std::to_string(kAttachedPoliciesMax));
                          attached.push_back(request.policy_arn);
                          return {};
                        }));
  return api::Empty{};
}

Result<api::Empty> detach_role_policy(State& state, const Context& context,
                                      const ops::DetachRolePolicy::Input& request) {
  TRY(state.update_role(
      context.account(), request.role_name, [&](RoleRecord& role) -> Result<void> {
        if (std::erase(role.attached_policies, request.policy_arn) == 0)
          return no_such_entity("Policy " + request.policy_arn + " was not found.");
        return {};
      }));
  return api::Empty{};
}

Result<ops::ListAttachedRolePolicies::Output> list_attached_role_policies(
    State& state, const Context& context, const ops::ListAttachedRolePolicies::Input& request) {
  const RoleRecord role = TRY(state.role(context.account(), request.role_name));
  const std::string path_prefix = ":policy" + request.path_prefix.value_or("/");
  std::vector<std::string> arns;
  for (const std::string& arn : role.attached_policies)
    if (arn.find(path_prefix) != arn.npos) arns.push_back(arn);
  auto page = TRY(slice(std::move(arns), std::identity(), request.marker, request.max_items));
  ops::ListAttachedRolePolicies::Output out;
  out.attached_policies.emplace();
  for (const std::string& arn : page.items)
    out.attached_policies->push_back({arn.substr(arn.rfind('/') + 1), arn});
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

}  // namespace

void add_role_policy_handlers(Registry& registry, State& state) {
  auto bind = [&state](auto handler) {
    return [&state, handler](Context& context, const auto& request) {
      return handler(state, context, request);
    };
  };
  registry.add<ops::PutRolePolicy>(bind(put_role_policy));
  registry.add<ops::GetRolePolicy>(bind(get_role_policy));
  registry.add<ops::DeleteRolePolicy>(bind(delete_role_policy));
  registry.add<ops::ListRolePolicies>(bind(list_role_policies));
  registry.add<ops::AttachRolePolicy>(bind(attach_role_policy));
  registry.add<ops::DetachRolePolicy>(bind(detach_role_policy));
  registry.add<ops::ListAttachedRolePolicies>(bind(list_attached_role_policies));
}

}  // namespace tidemill::services::iam
