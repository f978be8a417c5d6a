#include "services/kms/access/request_keys.h"

#include <array>

#include "services/kms/grant/grants.h"
#include "services/platform/dispatcher/dispatcher.h"

namespace tidemill::services::kms {
namespace {

struct TextKey {
  std::string_view member;
  const char* key;
};
constexpr auto kTextKeys = std::to_array<TextKey>({
    {"EncryptionAlgorithm", "kms:EncryptionAlgorithm"},
    {"SigningAlgorithm", "kms:SigningAlgorithm"},
    {"MacAlgorithm", "kms:MacAlgorithm"},
    {"KeyAgreementAlgorithm", "kms:KeyAgreementAlgorithm"},
    {"MessageType", "kms:MessageType"},
    {"KeyPairSpec", "kms:DataKeyPairSpec"},
    {"GranteePrincipal", "kms:GranteePrincipal"},
    {"RetiringPrincipal", "kms:RetiringPrincipal"},
});

std::string number_text(const Value& value) {
  const std::int64_t* number = value.get_if<std::int64_t>();
  return number ? std::to_string(*number) : std::string();
}

void add_grant_keys(const Value& input, iam::ConditionContext& keys) {
  if (const Value* operations = input.find("Operations"); operations && operations->as_list())
    for (const Value& operation : *operations->as_list())
      if (operation.as_string()) keys["kms:GrantOperations"].push_back(*operation.as_string());
  const Value* constraints = input.find("Constraints");
  if (constraints)
    for (const char* type : {"EncryptionContextEquals", "EncryptionContextSubset"})
      if (constraints->find(type)) keys["kms:GrantConstraintType"] = {type};
}

}  // namespace

std::string text_of(const Value& input, std::string_view member) {
  const Value* value = input.find(member);
  return value && value->as_string() ? *value->as_string() : std::string();
}

iam::ConditionContext request_keys(const Context& context, const Value& input,
                                   std::string_view context_member) {
  iam::ConditionContext keys;
  keys["kms:CallerAccount"] = {context.account()};
  if (const std::string* via = context.header(platform::kViaServiceField))
    keys["kms:ViaService"] = {*via};
  for (const TextKey& each : kTextKeys)
    if (std::string text = text_of(input, each.member); !text.empty())
      keys[each.key] = {std::move(text)};
  const Value* pairs = input.find(context_member);
  if (pairs && pairs->as_object())
    for (const auto& [name, value] : *pairs->as_object()) {
      if (!value.as_string()) continue;
      keys[std::string(kContextKeyPrefix) + name] = {*value.as_string()};
      keys["kms:EncryptionContextKeys"].push_back(name);
    }
  if (const Value* days = input.find("PendingWindowInDays"))
    keys["kms:ScheduleKeyDeletionPendingWindowInDays"] = {number_text(*days)};
  if (const Value* days = input.find("RotationPeriodInDays"))
    keys["kms:RotationPeriodInDays"] = {number_text(*days)};
  const Value* bypass = input.find("BypassPolicyLockoutSafetyCheck");
  const bool* bypasses = bypass ? bypass->get_if<bool>() : nullptr;
  keys["kms:BypassPolicyLockoutSafetyCheck"] = {bypasses && *bypasses ? "true" : "false"};
  add_grant_keys(input, keys);
  return keys;
}

}  // namespace tidemill::services::kms
