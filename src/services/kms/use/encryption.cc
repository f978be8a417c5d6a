// Encrypt, Decrypt, ReEncrypt, GenerateRandom.
#include "api/kms/crypto.h"
#include "base/cipher.h"
#include "base/encoding.h"
#include "services/kms/crypto/asymmetric.h"
#include "services/kms/use/symmetric.h"

namespace tidemill::services::kms {

namespace model = api::kms;

namespace {

struct Encrypted {
  std::string ciphertext, algorithm, material_id;
};

// Encrypts with a key of any kind, symmetric or asymmetric.
Result<Encrypted> encrypt_any(Core& core, const KeyRecord& key,
                              const std::optional<std::string>& given_algorithm,
                              const std::optional<EncryptionContext>& context,
                              std::string_view plaintext) {
  const KeySpec& spec = spec_of(key);
  const std::string algorithm = given_algorithm.value_or(std::string(kSymmetricDefault));
  if (!is_one_of(spec.encryption_algorithms, algorithm))
    return unsupported_algorithm(key, algorithm);
  if (!spec.is_asymmetric())
    return Encrypted{TRY(encrypt_with(core, key, context, plaintext)), algorithm,
                     key.materials.back().id};
  if (context && !context->empty())
    return invalid("Encryption context is only supported by symmetric encryption keys.");
  if (plaintext.size() > oaep_bytes_max(spec.bits, algorithm))
    return invalid("The plaintext is longer than " +
                   std::to_string(oaep_bytes_max(spec.bits, algorithm)) + " bytes, the most that " +
                   algorithm + " takes with " + key.spec + ".");
  const std::string public_key = TRY(decode_base64(key.public_key));
  return Encrypted{TRY(rsa_encrypt(public_key, algorithm, plaintext)), algorithm, {}};
}

Result<model::EncryptResponse> encrypt(Core& core, Context& context,
                                       const model::EncryptRequest& request) {
  const KeyRecord key = TRY(usable_key(core, context, request.key_id, kEncryptDecrypt));
  Encrypted made = TRY(encrypt_any(core, key, request.encryption_algorithm,
                                   request.encryption_context, request.plaintext.bytes));
  TRY(check_dry_run(request.dry_run));
  model::EncryptResponse output;
  output.ciphertext_blob.emplace().bytes = std::move(made.ciphertext);
  output.key_id = key.arn();
  output.encryption_algorithm = made.algorithm;
  return output;
}

Result<model::DecryptResponse> decrypt_blob(Core& core, Context& context,
                                            const model::DecryptRequest& request) {
  TRY(refuse(request.recipient.has_value(), "Recipient (attestation of Nitro Enclaves)"));
  TRY(refuse(request.dry_run_modifiers && !request.dry_run_modifiers->empty(), "DryRunModifiers"));
  Decrypted made = TRY(decrypt(core, context,
                               {request.ciphertext_blob, request.encryption_context, request.key_id,
                                request.encryption_algorithm}));
  TRY(check_dry_run(request.dry_run));
  model::DecryptResponse output;
  output.key_id = made.key.arn();
  output.plaintext.emplace().bytes = std::move(made.plaintext);
  output.encryption_algorithm = made.algorithm;
  if (!made.material_id.empty()) output.key_material_id = made.material_id;
  return output;
}

Result<model::ReEncryptResponse> re_encrypt(Core& core, Context& context,
                                            const model::ReEncryptRequest& request) {
  TRY(refuse(request.dry_run_modifiers && !request.dry_run_modifiers->empty(), "DryRunModifiers"));
  const KeyRecord to = TRY(usable_key(core, context, request.destination_key_id, kEncryptDecrypt));
  Decrypted from = TRY(decrypt(core, context,
                               {request.ciphertext_blob, request.source_encryption_context,
                                request.source_key_id, request.source_encryption_algorithm}));
  Result<Encrypted> made = encrypt_any(core, to, request.destination_encryption_algorithm,
                                       request.destination_encryption_context, from.plaintext);
  wipe(from.plaintext);
  TRY(made);
  TRY(check_dry_run(request.dry_run));
  model::ReEncryptResponse output;
  output.ciphertext_blob.emplace().bytes = std::move(made->ciphertext);
  output.source_key_id = from.key.arn();
  output.key_id = to.arn();
  output.source_encryption_algorithm = from.algorithm;
  output.destination_encryption_algorithm = made->algorithm;
  if (!from.material_id.empty()) output.source_key_material_id = from.material_id;
  if (!made->material_id.empty()) output.destination_key_material_id = made->material_id;
  return output;
}

Result<model::GenerateRandomResponse> generate_random(Core& core, Context&,
                                                      const model::GenerateRandomRequest& request) {
  TRY(refuse(request.recipient.has_value(), "Recipient (attestation of Nitro Enclaves)"));
  TRY(refuse(request.custom_key_store_id.has_value(), "CustomKeyStoreId"));
  if (!request.number_of_bytes) return invalid("NumberOfBytes is required.");
  model::GenerateRandomResponse output;
  output.plaintext.emplace().bytes =
      random_bytes(core.random, std::size_t(*request.number_of_bytes));
  return output;
}

}  // namespace

void add_encryption_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::Encrypt>(registry, core, encrypt);
  add<op::Decrypt>(registry, core, decrypt_blob);
  add<op::ReEncrypt>(registry, core, re_encrypt);
  add<op::GenerateRandom>(registry, core, generate_random);
}

}  // namespace tidemill::services::kms
