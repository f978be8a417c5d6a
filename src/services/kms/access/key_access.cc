#include "services/kms/access/key_access.h"

#include <algorithm>
#include <array>

#include "base/arn.h"
#include "services/kms/access/request_keys.h"
#include "services/kms/grant/grants.h"
#include "services/kms/use/symmetric.h"
#include "services/platform/dispatcher/dispatcher.h"

namespace tidemill::services::kms {
namespace {

constexpr std::string_view kAction = "kms:";
constexpr std::string_view kContext = "EncryptionContext";

// Operations that do not name a key.
constexpr std::array<std::string_view, 5> kWithoutKey{"CreateKey", "GenerateRandom", "ListAliases",
                                                      "ListKeys", "ListRetirableGrants"};

}  // namespace

struct KeyAccess::Request {
  const Context& context;
  std::string_view operation;
  const Value& input;
};

Result<std::optional<iam::ResourcePolicy>> KeyAccess::find(std::string_view text) {
  const Result<Arn> arn = parse_arn(text);
  if (!arn || arn->resource_type() != "key") return std::optional<iam::ResourcePolicy>();
  const auto key =
      TRY(look_up_key(core_, {arn->account, arn->region, std::string(arn->resource_name()), {}}));
  if (!key) return std::optional<iam::ResourcePolicy>();
  return std::optional(iam::ResourcePolicy{key->record.account, key->record.policy, true});
}

Result<bool> KeyAccess::grants(std::string_view text, std::string_view action,
                               const iam::Grantee& grantee,
                               const iam::ConditionContext& conditions) {
  const Result<Arn> arn = parse_arn(text);
  if (!arn || arn->resource_type() != "key") return false;
  std::vector<std::string> principals{std::string(grantee.arn)};
  if (!grantee.role_arn.empty()) principals.emplace_back(grantee.role_arn);
  return is_granted(core_, std::string(arn->resource_name()), action.substr(kAction.size()),
                    principals, conditions);
}

Result<void> KeyAccess::add_key_conditions(const KeyRecord& key, const std::string& alias,
                                           iam::ConditionContext& conditions) {
  conditions["kms:KeySpec"] = {key.spec};
  conditions["kms:CustomerMasterKeySpec"] = {key.spec};
  conditions["kms:KeyUsage"] = {key.usage};
  conditions["kms:CustomerMasterKeyUsage"] = {key.usage};
  conditions["kms:KeyOrigin"] = {"AWS_KMS"};
  conditions["kms:MultiRegion"] = {"false"};
  if (!alias.empty()) conditions["kms:RequestAlias"] = {alias};
  const auto page = TRY(aliases_table().scan(
      core_.store, {.table = {}, .index = "by_key", .prefix = store::key({key.id, ""})}));
  for (const auto& row : page.records) conditions["kms:ResourceAliases"].push_back(row.record.name);
  return {};
}

Result<iam::RequiredAction> KeyAccess::on_key(const Request& request, std::string_view action,
                                              std::string_view key_id) {
  const Context& context = request.context;
  const KeyName name = TRY(parse_key_name(context, key_id));
  iam::RequiredAction required;
  required.action = std::string(kAction) + std::string(action);
  required.conditions = request_keys(context, request.input, kContext);
  // A service may use its AWS managed key before the key exists, so it is made here.
  if (is_managed_alias(name.alias) && name.account == context.account() &&
      context.header(platform::kViaServiceField))
    TRY(managed_key(core_, name.account, name.region, name.alias));
  const std::optional<FoundKey> found = TRY(look_up_key(core_, name));
  if (!found) {
    // Callers learn that the key does not exist only if their own policies allow the action.
    required.resource = "arn:aws:kms:" + name.region + ":" + name.account + ":" +
                        (name.alias.empty() ? "key/" + name.id : name.alias);
    return required;
  }
  required.resource = found->record.arn();
  TRY(add_key_conditions(found->record, found->alias, required.conditions));
  return required;
}

Result<iam::RequiredAction> KeyAccess::on_ciphertext_key(const Request& request,
                                                         std::string_view action,
                                                         std::string_view key_member,
                                                         std::string_view context_member) {
  std::string key_id = text_of(request.input, key_member);
  if (key_id.empty()) {
    const Value* blob = request.input.find("CiphertextBlob");
    const Blob* ciphertext = blob ? blob->get_if<Blob>() : nullptr;
    const auto header = ciphertext ? read_header(ciphertext->bytes) : std::nullopt;
    if (!header) return invalid_ciphertext();
    const auto row = TRY(keys_table().get(core_.store, header->key_id));
    if (!row || row->record.region != request.context.region) return unknown_ciphertext_key();
    key_id = row->record.arn();
  }
  iam::RequiredAction required = TRY(on_key(request, action, key_id));
  if (context_member == kContext) return required;
  // ReEncrypt has an encryption context for each of its two keys: use the one of this key.
  iam::ConditionContext conditions = request_keys(request.context, request.input, context_member);
  for (auto& [name, values] : required.conditions) conditions.try_emplace(name, values);
  required.conditions = std::move(conditions);
  return required;
}

Result<std::vector<iam::RequiredAction>> KeyAccess::on_alias(const Request& request) {
  const Context& context = request.context;
  std::vector<iam::RequiredAction> required;
  AliasRecord alias{
      context.account(), context.region, text_of(request.input, "AliasName"), {}, {}, {}};
  iam::RequiredAction one;
  one.action = std::string(kAction) + std::string(request.operation);
  one.resource = alias.arn();
  one.conditions = request_keys(context, request.input, kContext);
  required.push_back(std::move(one));
  if (request.operation != "CreateAlias")
    if (const auto now = TRY(
            aliases_table().get(core_.store, alias_key(alias.account, alias.region, alias.name))))
      required.push_back(TRY(on_key(request, request.operation, now->record.key_id)));
  if (const std::string target = text_of(request.input, "TargetKeyId"); !target.empty())
    required.push_back(TRY(on_key(request, request.operation, target)));
  return required;
}

Result<std::vector<iam::RequiredAction>> KeyAccess::to_re_encrypt(const Request& request) {
  std::vector<iam::RequiredAction> required;
  required.push_back(
      TRY(on_ciphertext_key(request, "ReEncryptFrom", "SourceKeyId", "SourceEncryptionContext")));
  iam::RequiredAction to =
      TRY(on_key(request, "ReEncryptTo", text_of(request.input, "DestinationKeyId")));
  iam::ConditionContext conditions =
      request_keys(request.context, request.input, "DestinationEncryptionContext");
  for (auto& [name, values] : to.conditions) conditions.try_emplace(name, values);
  to.conditions = std::move(conditions);
  required.push_back(std::move(to));
  const char* same = required[0].resource == required[1].resource ? "true" : "false";
  for (iam::RequiredAction& each : required) each.conditions["kms:ReEncryptOnSameKey"] = {same};
  return required;
}

Result<std::vector<iam::RequiredAction>> KeyAccess::to_retire(const Request& request) {
  std::optional<store::Versioned<GrantRecord>> grant;
  std::string key_id = text_of(request.input, "KeyId");
  if (const std::string token = text_of(request.input, "GrantToken"); !token.empty()) {
    grant = TRY(grant_of_token(core_, token));
    if (grant)
      key_id = "arn:aws:kms:" + grant->record.region + ":" + grant->record.account + ":key/" +
               grant->record.key_id;
  } else if (!key_id.empty()) {
    const KeyName name = TRY(parse_key_name(request.context, key_id));
    if (const auto key = TRY(look_up_key(core_, name)))
      grant = TRY(grants_table().get(
          core_.store, store::key({key->record.id, text_of(request.input, "GrantId")})));
  }
  std::vector<iam::RequiredAction> required;
  if (key_id.empty()) return required;  // the handler says what is missing
  required.push_back(TRY(on_key(request, request.operation, key_id)));
  // The grant itself lets its retiring principal do this; policies may still deny it.
  required.back().granted = grant && may_retire(grant->record, request.context.principal);
  return required;
}

Result<std::vector<iam::RequiredAction>> KeyAccess::required_actions(const Context& context,
                                                                     std::string_view operation,
                                                                     const Value& input) {
  const Request request{context, operation, input};
  if (operation.ends_with("Alias")) return on_alias(request);
  if (operation == "ReEncrypt") return to_re_encrypt(request);
  if (operation == "RetireGrant") return to_retire(request);
  std::vector<iam::RequiredAction> required;
  if (operation == "Decrypt") {
    required.push_back(TRY(on_ciphertext_key(request, operation, "KeyId", kContext)));
    return required;
  }
  if (std::ranges::find(kWithoutKey, operation) == kWithoutKey.end()) {
    required.push_back(TRY(on_key(request, operation, text_of(input, "KeyId"))));
    return required;
  }
  iam::RequiredAction one;
  one.action = std::string(kAction) + std::string(operation);
  one.resource = "*";
  one.conditions = request_keys(context, input, kContext);
  if (operation == "CreateKey") {
    std::string spec = text_of(input, "KeySpec"), usage = text_of(input, "KeyUsage");
    if (spec.empty()) spec = text_of(input, "CustomerMasterKeySpec");
    one.conditions["kms:KeySpec"] = {spec.empty() ? std::string(kSymmetricDefault) : spec};
    one.conditions["kms:KeyUsage"] = {usage.empty() ? std::string(kEncryptDecrypt) : usage};
    one.conditions["kms:KeyOrigin"] = {"AWS_KMS"};
    one.conditions["kms:MultiRegion"] = {"false"};
  }
  required.push_back(std::move(one));
  const Value* tags = operation == "CreateKey" ? input.find("Tags") : nullptr;
  if (tags && tags->as_list() && !tags->as_list()->empty()) {
    required.push_back(required.front());
    required.back().action = "kms:TagResource";
  }
  return required;
}

}  // namespace tidemill::services::kms
