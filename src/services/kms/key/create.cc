// CreateKey, DescribeKey, ListKeys, GetPublicKey.
#include "api/kms/key.h"
#include "base/encoding.h"
#include "services/kms/common/keys.h"
#include "services/kms/policy/documents.h"
#include "services/kms/policy/rules.h"
#include "services/kms/tag/rules.h"

namespace tidemill::services::kms {

namespace model = api::kms;

namespace {

constexpr std::int64_t kPageKeys = 100;

std::vector<std::string> texts(std::span<const std::string_view> words) {
  return {words.begin(), words.end()};
}

// Sets the lists of algorithms that the key's usage has.
template <class Shape>
void add_algorithms(Shape& out, const KeyRecord& key) {
  const KeySpec& spec = spec_of(key);
  if (key.usage == kEncryptDecrypt) out.encryption_algorithms = texts(spec.encryption_algorithms);
  if (key.usage == kSignVerify) out.signing_algorithms = texts(spec.signing_algorithms);
  if (key.usage == kKeyAgreement) out.key_agreement_algorithms = {"ECDH"};
}

model::KeyMetadata metadata_of(const KeyRecord& key) {
  model::KeyMetadata out;
  out.aws_account_id = key.account;
  out.key_id = key.id;
  out.arn = key.arn();
  out.creation_date = key.created;
  out.enabled = key.state == "Enabled";
  out.description = key.description;
  out.key_usage = key.usage;
  out.key_state = key.state;
  out.deletion_date = key.deletion;
  out.origin = "AWS_KMS";
  out.key_manager = key.aws_service.empty() ? "CUSTOMER" : "AWS";
  out.customer_master_key_spec = key.spec;
  out.key_spec = key.spec;
  out.multi_region = false;
  add_algorithms(out, key);
  if (key.usage == kGenerateVerifyMac) out.mac_algorithms = texts(spec_of(key).mac_algorithms);
  if (key.spec == kSymmetricDefault) out.current_key_material_id = key.materials.back().id;
  return out;
}

Result<void> check_supported(const model::CreateKeyRequest& request) {
  TRY(refuse(request.multi_region.value_or(false), "MultiRegion: a key of several regions"));
  TRY(refuse(request.origin.value_or("AWS_KMS") != "AWS_KMS",
             "Origin " + request.origin.value_or("")));
  TRY(refuse(request.custom_key_store_id.has_value(), "CustomKeyStoreId"));
  return refuse(request.xks_key_id.has_value(), "XksKeyId");
}

Result<void> choose_spec(const model::CreateKeyRequest& request, KeyRecord& key) {
  if (request.key_spec && request.customer_master_key_spec)
    return invalid(
        "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
        "CustomerMasterKeySpec is deprecated.");
  key.spec = request.key_spec.value_or(
      request.customer_master_key_spec.value_or(std::string(kSymmetricDefault)));
  const KeySpec* spec = find_key_spec(key.spec);
  if (!spec) return unsupported("KeySpec " + key.spec + " is not supported by Tidemill.");
  if (!request.key_usage && spec->family != KeyFamily::symmetric)
    return invalid(
        "You must specify a KeyUsage value for all KMS keys except for symmetric "
        "encryption keys.");
  key.usage = request.key_usage.value_or(std::string(kEncryptDecrypt));
  if (!is_one_of(spec->usages, key.usage))
    return invalid("KeyUsage " + key.usage + " is not compatible with KeySpec " + key.spec);
  return {};
}

Result<model::CreateKeyResponse> create_key(Core& core, Context& context,
                                            const model::CreateKeyRequest& request) {
  TRY(check_supported(request));
  KeyRecord key;
  TRY(choose_spec(request, key));
  key.id = make_uuid(core.random);
  key.account = context.account();
  key.region = context.region;
  key.created = core.clock.now();
  key.description = request.description.value_or("");
  if (request.tags) TRY(add_tags(key.tags, *request.tags));
  key.policy = request.policy.value_or(default_policy(key.account));
  if (request.policy)
    TRY(check_policy(core, context, key, *request.policy,
                     request.bypass_policy_lockout_safety_check.value_or(false)));
  TRY(add_material(core, key, ""));
  store::Transaction transaction;
  keys_table().put(transaction, key.id, key, 0);
  TRY(core.store.commit(std::move(transaction)));
  model::CreateKeyResponse output;
  output.key_metadata = metadata_of(key);
  return output;
}

Result<model::DescribeKeyResponse> describe_key(Core& core, Context& context,
                                                const model::DescribeKeyRequest& request) {
  const KeyName name = TRY(parse_key_name(context, request.key_id));
  model::DescribeKeyResponse output;
  // Describing a predefined alias makes its key.
  if (is_managed_alias(name.alias) && name.account == context.account())
    output.key_metadata =
        metadata_of(TRY(managed_key(core, name.account, name.region, name.alias)).record);
  else
    output.key_metadata = metadata_of(TRY(find_key(core, context, request.key_id)).record);
  return output;
}

Result<model::ListKeysResponse> list_keys(Core& core, Context& context,
                                          const model::ListKeysRequest& request) {
  store::Scan scan;
  scan.index = "by_owner";
  scan.prefix = store::key({context.account(), context.region, ""});
  scan.after = TRY(read_marker(request.marker));
  scan.limit = std::size_t(request.limit.value_or(kPageKeys));
  const auto page = TRY(keys_table().scan(core.store, scan));
  model::ListKeysResponse output;
  output.keys.emplace();
  for (const auto& row : page.records) {
    model::KeyListEntry entry;
    entry.key_id = row.record.id;
    entry.key_arn = row.record.arn();
    output.keys->push_back(std::move(entry));
  }
  output.next_marker = write_marker(page.next);
  output.truncated = output.next_marker.has_value();
  return output;
}

Result<model::GetPublicKeyResponse> get_public_key(Core& core, Context& context,
                                                   const model::GetPublicKeyRequest& request) {
  const KeyRecord key = TRY(find_key(core, context, request.key_id)).record;
  if (!spec_of(key).is_asymmetric())
    return unsupported(key.arn() + " is not an asymmetric key; it has no public key.");
  TRY(check_enabled(key));
  model::GetPublicKeyResponse output;
  output.key_id = key.arn();
  output.public_key.emplace().bytes = TRY(decode_base64(key.public_key));
  output.customer_master_key_spec = key.spec;
  output.key_spec = key.spec;
  output.key_usage = key.usage;
  add_algorithms(output, key);
  return output;
}

}  // namespace

void add_key_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::CreateKey>(registry, core, create_key);
  add<op::DescribeKey>(registry, core, describe_key);
  add<op::ListKeys>(registry, core, list_keys);
  add<op::GetPublicKey>(registry, core, get_public_key);
}

}  // namespace tidemill::services::kms
