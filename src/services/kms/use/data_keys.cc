// GenerateDataKey and GenerateDataKeyPair, each with and without the plaintext.
#include "api/kms/data_key.h"
#include "base/cipher.h"
#include "services/kms/crypto/asymmetric.h"
#include "services/kms/use/symmetric.h"

namespace tidemill::services::kms {

namespace model = api::kms;

namespace {

// Data keys are made under symmetric encryption keys only.
Result<KeyRecord> wrapping_key(Core& core, const Context& context, const std::string& key_id) {
  KeyRecord key = TRY(usable_key(core, context, key_id, kEncryptDecrypt));
  if (key.spec == kSymmetricDefault) return key;
  return fail(model::errors::kInvalidKeyUsageException,
              key.arn() + " is not a symmetric encryption key.", 400);
}

struct DataKey {
  KeyRecord key;
  std::string plaintext, ciphertext;
};

template <class Request>
Result<DataKey> make_data_key(Core& core, const Context& context, const Request& request) {
  if (request.key_spec.has_value() == request.number_of_bytes.has_value())
    return invalid("Please specify either number of bytes or key spec.");
  std::size_t size = kCipherKeyBytes;
  if (request.number_of_bytes)
    size = std::size_t(*request.number_of_bytes);
  else if (*request.key_spec == "AES_128")
    size = 16;
  DataKey made{
      TRY(wrapping_key(core, context, request.key_id)), random_bytes(core.random, size), {}};
  made.ciphertext = TRY(encrypt_with(core, made.key, request.encryption_context, made.plaintext));
  TRY(check_dry_run(request.dry_run));
  return made;
}

// The members that both forms of answers have.
template <class Response>
Response answer_of(DataKey& made) {
  Response output;
  output.ciphertext_blob.emplace().bytes = std::move(made.ciphertext);
  output.key_id = made.key.arn();
  output.key_material_id = made.key.materials.back().id;
  return output;
}

Result<model::GenerateDataKeyResponse> generate_data_key(
    Core& core, Context& context, const model::GenerateDataKeyRequest& request) {
  TRY(refuse(request.recipient.has_value(), "Recipient (attestation of Nitro Enclaves)"));
  DataKey made = TRY(make_data_key(core, context, request));
  auto output = answer_of<model::GenerateDataKeyResponse>(made);
  output.plaintext.emplace().bytes = std::move(made.plaintext);
  return output;
}

Result<model::GenerateDataKeyWithoutPlaintextResponse> generate_data_key_without_plaintext(
    Core& core, Context& context, const model::GenerateDataKeyWithoutPlaintextRequest& request) {
  DataKey made = TRY(make_data_key(core, context, request));
  wipe(made.plaintext);
  return answer_of<model::GenerateDataKeyWithoutPlaintextResponse>(made);
}

struct DataKeyPair {
  KeyRecord key;
  KeyPair pair;
  std::string ciphertext;
};

template <class Request>
Result<DataKeyPair> make_pair(Core& core, const Context& context, const Request& request) {
  const KeySpec* spec = find_key_spec(request.key_pair_spec);
  if (!spec)
    return unsupported("KeyPairSpec " + request.key_pair_spec + " is not supported by Tidemill.");
  DataKeyPair made{TRY(wrapping_key(core, context, request.key_id)), {}, {}};
  made.pair = TRY(make_key_pair(*spec));
  made.ciphertext =
      TRY(encrypt_with(core, made.key, request.encryption_context, made.pair.private_der));
  TRY(check_dry_run(request.dry_run));
  return made;
}

template <class Response>
Response pair_answer_of(DataKeyPair& made, const std::string& spec) {
  Response output;
  output.private_key_ciphertext_blob.emplace().bytes = std::move(made.ciphertext);
  output.public_key.emplace().bytes = std::move(made.pair.public_der);
  output.key_id = made.key.arn();
  output.key_pair_spec = spec;
  output.key_material_id = made.key.materials.back().id;
  return output;
}

Result<model::GenerateDataKeyPairResponse> generate_data_key_pair(
    Core& core, Context& context, const model::GenerateDataKeyPairRequest& request) {
  TRY(refuse(request.recipient.has_value(), "Recipient (attestation of Nitro Enclaves)"));
  DataKeyPair made = TRY(make_pair(core, context, request));
  auto output = pair_answer_of<model::GenerateDataKeyPairResponse>(made, request.key_pair_spec);
  output.private_key_plaintext.emplace().bytes = std::move(made.pair.private_der);
  return output;
}

Result<model::GenerateDataKeyPairWithoutPlaintextResponse> generate_pair_without_plaintext(
    Core& core, Context& context,
    const model::GenerateDataKeyPairWithoutPlaintextRequest& request) {
  DataKeyPair made = TRY(make_pair(core, context, request));
  wipe(made.pair.private_der);
  return pair_answer_of<model::GenerateDataKeyPairWithoutPlaintextResponse>(made,
                                                                            request.key_pair_spec);
}

}  // namespace

void add_data_key_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::GenerateDataKey>(registry, core, generate_data_key);
  add<op::GenerateDataKeyWithoutPlaintext>(registry, core, generate_data_key_without_plaintext);
  add<op::GenerateDataKeyPair>(registry, core, generate_data_key_pair);
  add<op::GenerateDataKeyPairWithoutPlaintext>(registry, core, generate_pair_without_plaintext);
}

}  // namespace tidemill::services::kms
