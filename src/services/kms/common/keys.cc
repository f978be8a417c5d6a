#include "services/kms/common/keys.h"

#include <algorithm>
#include <cassert>

#include "api/kms/errors.h"
#include "base/arn.h"
#include "base/cipher.h"
#include "base/encoding.h"
#include "services/kms/crypto/asymmetric.h"
#include "services/platform/commits/retry.h"
#include "services/platform/paging/paging.h"

namespace tidemill::services::kms {

namespace errors = api::kms::errors;

namespace {

constexpr std::string_view kAliasPrefix = "alias/";
constexpr std::string_view kKeyPrefix = "key/";
constexpr std::size_t kMaterialIdBytes = 32;

// The text that wrapped material is bound to, so that it cannot be moved to another key.
std::string bound_to(const KeyRecord& key, const KeyMaterial& material) {
  return store::key({"material", key.id, material.id});
}

}  // namespace

Error public_error(Error error) {
  if (!error.code.starts_with("Tidemill.")) return error;
  return {errors::kKMSInternalException,
          "The keys could not be read or written: " + error.message + ". Try again later.", 500};
}

std::unexpected<Error> not_found(std::string message) {
  return fail(errors::kNotFoundException, std::move(message), 400);
}
std::unexpected<Error> invalid(std::string message) {
  return fail("ValidationException", std::move(message), 400);
}
std::unexpected<Error> unsupported(std::string message) {
  return fail(errors::kUnsupportedOperationException, std::move(message), 400);
}

Result<void> refuse(bool given, std::string_view what) {
  if (!given) return {};
  return unsupported(std::string(what) + " is not supported by Tidemill.");
}

Result<void> check_dry_run(const std::optional<bool>& dry_run) {
  if (!dry_run.value_or(false)) return {};
  return fail(errors::kDryRunOperationException,
              "The request would have succeeded, but the DryRun option is set.", 400);
}

Result<KeyName> parse_key_name(const Context& context, std::string_view text) {
  KeyName name{context.account(), context.region, std::string(text), {}};
  if (text.starts_with("arn:")) {
    const Result<Arn> arn = parse_arn(text);
    if (!arn || arn->partition != "aws" || arn->service != "kms" ||
        !(arn->resource.starts_with(kKeyPrefix) || arn->resource.starts_with(kAliasPrefix)))
      return fail(errors::kInvalidArnException, "Invalid arn " + std::string(text), 400);
    if (arn->region != context.region)
      return not_found("Invalid arn " + arn->region + ": this is the region " + context.region +
                       ".");
    name.account = arn->account;
    name.id = arn->resource.starts_with(kKeyPrefix) ? arn->resource.substr(kKeyPrefix.size())
                                                    : arn->resource;
  }
  if (name.id.starts_with(kAliasPrefix)) name.alias = std::exchange(name.id, {});
  return name;
}

Result<std::optional<FoundKey>> look_up_key(Core& core, const KeyName& name) {
  FoundKey found;
  std::string id = name.id;
  if (!name.alias.empty()) {
    const auto alias =
        TRY(aliases_table().get(core.store, alias_key(name.account, name.region, name.alias)));
    if (!alias) return std::optional<FoundKey>();
    id = alias->record.key_id;
    found.alias = name.alias;
  }
  auto key = TRY(keys_table().get(core.store, id));
  if (!key || key->record.account != name.account || key->record.region != name.region)
    return std::optional<FoundKey>();
  // The sweep deletes it soon.
  if (key->record.deletion && *key->record.deletion <= core.clock.now())
    return std::optional<FoundKey>();
  found.record = std::move(key->record);
  return std::optional(std::move(found));
}

Result<FoundKey> find_key(Core& core, const Context& context, std::string_view key_id) {
  const KeyName name = TRY(parse_key_name(context, key_id));
  if (std::optional<FoundKey> found = TRY(look_up_key(core, name))) return *std::move(found);
  if (!name.alias.empty())
    return not_found("Alias arn:aws:kms:" + name.region + ":" + name.account + ":" + name.alias +
                     " is not found.");
  return not_found("Key 'arn:aws:kms:" + name.region + ":" + name.account + ":key/" + name.id +
                   "' does not exist");
}

Result<KeyRecord> find_key_by_id(Core& core, const Context& context, std::string_view key_id) {
  if (!TRY(parse_key_name(context, key_id)).alias.empty())
    return not_found("Invalid keyId '" + std::string(key_id) +
                     "': this operation takes the id or the ARN of a key, not an alias.");
  return TRY(find_key(core, context, key_id)).record;
}

Result<void> check_not_pending_deletion(const KeyRecord& key) {
  if (key.state != "PendingDeletion") return {};
  return fail(errors::kKMSInvalidStateException, key.arn() + " is pending deletion.", 400);
}

Result<void> check_enabled(const KeyRecord& key) {
  if (key.state == "Disabled")
    return fail(errors::kDisabledException, key.arn() + " is disabled.", 400);
  return check_not_pending_deletion(key);
}

Result<void> check_customer_managed(const KeyRecord& key, std::string_view deed) {
  if (key.aws_service.empty()) return {};
  return fail("AccessDeniedException",
              "You are not authorized to " + std::string(deed) + " " + key.arn() +
                  ": it is the AWS managed key of " + key.aws_service + ".",
              400);
}

std::unexpected<Error> unsupported_algorithm(const KeyRecord& key, const std::string& algorithm) {
  return fail(errors::kInvalidKeyUsageException,
              key.arn() + " does not support the algorithm " + algorithm + ".", 400);
}

Result<void> check_usage(const KeyRecord& key, std::string_view usage) {
  if (key.usage == usage) return {};
  return fail(errors::kInvalidKeyUsageException,
              key.arn() + " key usage is " + key.usage +
                  " which is not valid for this operation; " + "it needs " + std::string(usage) +
                  ".",
              400);
}

const KeySpec& spec_of(const KeyRecord& key) {
  const KeySpec* spec = find_key_spec(key.spec);
  assert(spec);
  return *spec;
}

Result<KeyRecord> change_key(Core& core, const std::string& id,
                             const std::function<Result<void>(KeyRecord&)>& change) {
  return platform::retry_conflicts([&]() -> Result<KeyRecord> {
    auto found = TRY(keys_table().get(core.store, id));
    if (!found) return not_found("Key '" + id + "' does not exist");
    TRY(change(found->record));
    store::Transaction transaction;
    keys_table().put(transaction, id, found->record, found->version);
    TRY(core.store.commit(std::move(transaction)));
    return std::move(found->record);
  });
}

Result<void> add_material(Core& core, KeyRecord& key, std::string rotation) {
  const KeySpec& spec = spec_of(key);
  KeyMaterial material;
  material.id = encode_hex(random_bytes(core.random, kMaterialIdBytes));
  material.created = core.clock.now();
  material.rotation = std::move(rotation);
  std::string secret;
  if (spec.is_asymmetric()) {
    KeyPair pair = TRY(make_key_pair(spec));
    secret = std::move(pair.private_der);
    key.public_key = encode_base64(pair.public_der);
  } else {
    secret = random_bytes(core.random, std::size_t(spec.bits) / 8);
  }
  material.wrapped = encode_base64(
      seal_text(core.root.derive("kms"), bound_to(key, material), secret, core.random));
  wipe(secret);
  key.materials.push_back(std::move(material));
  return {};
}

Result<std::optional<std::string>> material_of(Core& core, const KeyRecord& key,
                                               std::size_t place) {
  if (place < 1 || place > key.materials.size()) return std::optional<std::string>();
  const KeyMaterial& material = key.materials[place - 1];
  const Result<std::string> wrapped = decode_base64(material.wrapped);
  std::optional<std::string> secret;
  if (wrapped) secret = open_text(core.root.derive("kms"), bound_to(key, material), *wrapped);
  if (!secret)
    return fail(codes::kCorrupt, "the material " + material.id + " of the key " + key.arn() +
                                     " is damaged, or the root key is another one");
  return secret;
}

Result<std::string> current_material(Core& core, const KeyRecord& key) {
  return *TRY(material_of(core, key, key.materials.size()));
}

Result<std::string> read_marker(const std::optional<std::string>& marker) {
  return platform::page_position(
      marker, fail(errors::kInvalidMarkerException, "The marker is not valid.", 400));
}

std::optional<std::string> write_marker(const std::string& position) {
  if (position.empty()) return std::nullopt;
  return platform::page_token(position);
}

}  // namespace tidemill::services::kms
