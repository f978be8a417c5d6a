// GetKeyPolicy, PutKeyPolicy, ListKeyPolicies.
#include "api/kms/policy.h"

#include "services/kms/common/keys.h"
#include "services/kms/policy/rules.h"

namespace tidemill::services::kms {

namespace model = api::kms;

namespace {

constexpr std::string_view kOnlyPolicy = "default";
constexpr std::size_t kPolicyBytesMax = 32 << 10;

std::unexpected<Error> malformed(std::string message) {
  return fail(model::errors::kMalformedPolicyDocumentException, std::move(message), 400);
}

Result<void> check_name(const std::optional<std::string>& name) {
  if (name.value_or(std::string(kOnlyPolicy)) == kOnlyPolicy) return {};
  return not_found("No such policy exists: a key has only the policy \"default\".");
}

Result<model::GetKeyPolicyResponse> get_key_policy(Core& core, Context& context,
                                                   const model::GetKeyPolicyRequest& request) {
  TRY(check_name(request.policy_name));
  model::GetKeyPolicyResponse output;
  output.policy = TRY(find_key_by_id(core, context, request.key_id)).policy;
  output.policy_name = std::string(kOnlyPolicy);
  return output;
}

Result<api::Empty> put_key_policy(Core& core, Context& context,
                                  const model::PutKeyPolicyRequest& request) {
  TRY(check_name(request.policy_name));
  const KeyRecord key = TRY(find_key_by_id(core, context, request.key_id));
  TRY(check_customer_managed(key, "change the policy of"));
  TRY(check_policy(core, context, key, request.policy,
                   request.bypass_policy_lockout_safety_check.value_or(false)));
  TRY(change_key(core, key.id, [&](KeyRecord& key) -> Result<void> {
    key.policy = request.policy;
    return {};
  }));
  return api::Empty{};
}

Result<model::ListKeyPoliciesResponse> list_key_policies(
    Core& core, Context& context, const model::ListKeyPoliciesRequest& request) {
  TRY(find_key_by_id(core, context, request.key_id));
  model::ListKeyPoliciesResponse output;
  output.policy_names = {std::string(kOnlyPolicy)};
  output.truncated = false;
  return output;
}

}  // namespace

Result<void> check_policy(Core& core, const Context& context, const KeyRecord& key,
                          const std::string& document, bool bypass_lockout_check) {
  if (document.size() > kPolicyBytesMax)
    return fail(model::errors::kLimitExceededException,
                "A key policy has at most " + std::to_string(kPolicyBytesMax) + " bytes.", 400);
  if (const Result<void> valid = iam::check_resource_policy(document, ""); !valid)
    return malformed(valid.error().message);
  if (bypass_lockout_check) return {};
  const iam::ResourcePolicy policy{key.account, document, true};
  const Result<void> can_change =
      core.iam.authorize(context.principal, "kms:PutKeyPolicy", key.arn(),
                         {{"kms:CallerAccount", {context.account()}}}, &policy);
  if (can_change) return {};
  if (can_change.error().code != "AccessDeniedException") return can_change;
  return malformed("The new key policy will not allow you to update the key policy in the future.");
}

void add_policy_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::GetKeyPolicy>(registry, core, get_key_policy);
  add<op::PutKeyPolicy>(registry, core, put_key_policy);
  add<op::ListKeyPolicies>(registry, core, list_key_policies);
}

}  // namespace tidemill::services::kms
