#include "services/kms/use/symmetric.h"

#include "api/kms/errors.h"
#include "services/kms/crypto/asymmetric.h"

namespace tidemill::services::kms {

namespace errors = api::kms::errors;

std::unexpected<Error> invalid_ciphertext() {
  return fail(errors::kInvalidCiphertextException,
              "The ciphertext is damaged, or was made with another key or encryption context.",
              400);
}

std::unexpected<Error> unknown_ciphertext_key() {
  return fail("AccessDeniedException",
              "The ciphertext refers to a customer master key that does not exist, does not exist "
              "in this region, or you are not allowed to access.",
              400);
}

Result<KeyRecord> usable_key(Core& core, const Context& context, std::string_view key_id,
                             std::string_view usage) {
  KeyRecord key = TRY(find_key(core, context, key_id)).record;
  TRY(check_enabled(key));
  TRY(check_usage(key, usage));
  return key;
}

Result<std::string> encrypt_with(Core& core, const KeyRecord& key,
                                 const std::optional<EncryptionContext>& context,
                                 std::string_view plaintext) {
  std::string material = TRY(current_material(core, key));
  return encrypt_symmetric(material, {key.id, std::uint32_t(key.materials.size())},
                           context.value_or(EncryptionContext()), plaintext, core.random);
}

namespace {

Result<Decrypted> decrypt_asymmetric(Core& core, const KeyRecord& key,
                                     const DecryptionInput& input) {
  const std::string algorithm = input.algorithm.value_or(std::string(kSymmetricDefault));
  if (!is_one_of(spec_of(key).encryption_algorithms, algorithm))
    return unsupported_algorithm(key, algorithm);
  if (input.context && !input.context->empty())
    return invalid("Encryption context is only supported by symmetric encryption keys.");
  const std::string material = TRY(current_material(core, key));
  Result<std::string> plaintext = rsa_decrypt(material, algorithm, input.ciphertext->bytes);
  if (!plaintext && plaintext.error().code == codes::kInvalid) return invalid_ciphertext();
  return Decrypted{key, TRY(std::move(plaintext)), algorithm, {}};
}

}  // namespace

Result<Decrypted> decrypt(Core& core, const Context& context, const DecryptionInput& input) {
  if (!input.ciphertext || input.ciphertext->bytes.empty())
    return invalid("A CiphertextBlob is required.");
  if (input.key_id) {
    KeyRecord key = TRY(usable_key(core, context, *input.key_id, kEncryptDecrypt));
    if (spec_of(key).is_asymmetric()) return decrypt_asymmetric(core, key, input);
  }
  const std::optional<CiphertextHeader> header = read_header(input.ciphertext->bytes);
  if (!header) return invalid_ciphertext();
  const auto row = TRY(keys_table().get(core.store, header->key_id));
  if (!row) return unknown_ciphertext_key();
  const KeyRecord& key = row->record;
  if (input.key_id && TRY(find_key(core, context, *input.key_id)).record.id != key.id)
    return fail(errors::kIncorrectKeyException,
                "The key ID in the request does not identify a CMK that can perform this "
                "operation.",
                400);
  // Does not find a key whose waiting period before deletion is over.
  TRY(usable_key(core, context, key.arn(), kEncryptDecrypt));
  if (input.algorithm.value_or(std::string(kSymmetricDefault)) != kSymmetricDefault)
    return unsupported_algorithm(key, *input.algorithm);
  const std::optional<std::string> material = TRY(material_of(core, key, header->material));
  if (!material) return invalid_ciphertext();
  std::optional<std::string> plaintext = decrypt_symmetric(
      *material, input.ciphertext->bytes, input.context.value_or(EncryptionContext()));
  if (!plaintext) return invalid_ciphertext();
  return Decrypted{key, *std::move(plaintext), std::string(kSymmetricDefault),
                   key.materials[header->material - 1].id};
}

}  // namespace tidemill::services::kms
