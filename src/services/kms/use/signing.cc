// Sign, Verify, GenerateMac, VerifyMac, DeriveSharedSecret.
#include "api/kms/signing.h"
#include "base/cipher.h"
#include "base/encoding.h"
#include "services/kms/crypto/asymmetric.h"
#include "services/kms/use/symmetric.h"

namespace tidemill::services::kms {

namespace model = api::kms;

namespace {

// Returns true for a digest, whose size must be the algorithm's, and false for a whole message.
template <class Request>
Result<bool> check_message(const KeyRecord& key, const Request& request) {
  if (!is_one_of(spec_of(key).signing_algorithms, request.signing_algorithm))
    return unsupported_algorithm(key, request.signing_algorithm);
  const std::string type = request.message_type.value_or("RAW");
  if (type == "RAW") return false;
  const std::size_t size = digest_bytes(request.signing_algorithm);
  if (type != "DIGEST" || size == 0)
    return invalid("MessageType " + type + " is not valid for " + request.signing_algorithm + ".");
  if (request.message.bytes.size() != size)
    return invalid("Digest is invalid length for algorithm " + request.signing_algorithm + ".");
  return true;
}

Result<model::SignResponse> sign_message(Core& core, Context& context,
                                         const model::SignRequest& request) {
  const KeyRecord key = TRY(usable_key(core, context, request.key_id, kSignVerify));
  const bool is_digest = TRY(check_message(key, request));
  const std::string material = TRY(current_material(core, key));
  model::SignResponse output;
  output.signature.emplace().bytes =
      TRY(sign(material, request.signing_algorithm, request.message.bytes, is_digest));
  TRY(check_dry_run(request.dry_run));
  output.key_id = key.arn();
  output.signing_algorithm = request.signing_algorithm;
  return output;
}

Result<model::VerifyResponse> verify_message(Core& core, Context& context,
                                             const model::VerifyRequest& request) {
  const KeyRecord key = TRY(usable_key(core, context, request.key_id, kSignVerify));
  const bool is_digest = TRY(check_message(key, request));
  const std::string public_key = TRY(decode_base64(key.public_key));
  if (!TRY(verify(public_key, request.signing_algorithm, request.message.bytes, is_digest,
                  request.signature.bytes)))
    return fail(model::errors::kKMSInvalidSignatureException,
                "The signature does not match the message and key.", 400);
  TRY(check_dry_run(request.dry_run));
  model::VerifyResponse output;
  output.key_id = key.arn();
  output.signature_valid = true;
  output.signing_algorithm = request.signing_algorithm;
  return output;
}

template <class Request>
Result<KeyRecord> mac_key(Core& core, const Context& context, const Request& request) {
  KeyRecord key = TRY(usable_key(core, context, request.key_id, kGenerateVerifyMac));
  if (!is_one_of(spec_of(key).mac_algorithms, request.mac_algorithm))
    return unsupported_algorithm(key, request.mac_algorithm);
  return key;
}

Result<model::GenerateMacResponse> generate_mac(Core& core, Context& context,
                                                const model::GenerateMacRequest& request) {
  const KeyRecord key = TRY(mac_key(core, context, request));
  const std::string material = TRY(current_material(core, key));
  TRY(check_dry_run(request.dry_run));
  model::GenerateMacResponse output;
  output.mac.emplace().bytes = mac(material, request.mac_algorithm, request.message.bytes);
  output.key_id = key.arn();
  output.mac_algorithm = request.mac_algorithm;
  return output;
}

Result<model::VerifyMacResponse> verify_mac(Core& core, Context& context,
                                            const model::VerifyMacRequest& request) {
  const KeyRecord key = TRY(mac_key(core, context, request));
  const std::string material = TRY(current_material(core, key));
  if (!equal_in_constant_time(mac(material, request.mac_algorithm, request.message.bytes),
                              request.mac.bytes))
    return fail(model::errors::kKMSInvalidMacException,
                "The HMAC does not match the message and key.", 400);
  TRY(check_dry_run(request.dry_run));
  model::VerifyMacResponse output;
  output.key_id = key.arn();
  output.mac_valid = true;
  output.mac_algorithm = request.mac_algorithm;
  return output;
}

Result<model::DeriveSharedSecretResponse> derive_shared_secret(
    Core& core, Context& context, const model::DeriveSharedSecretRequest& request) {
  TRY(refuse(request.recipient.has_value(), "Recipient (attestation of Nitro Enclaves)"));
  const KeyRecord key = TRY(usable_key(core, context, request.key_id, kKeyAgreement));
  const std::string material = TRY(current_material(core, key));
  Result<std::string> secret = agree(material, request.public_key.bytes);
  if (!secret && secret.error().code == codes::kInvalid)
    return invalid("PublicKey is not valid: " + secret.error().message + ".");
  TRY(secret);
  TRY(check_dry_run(request.dry_run));
  model::DeriveSharedSecretResponse output;
  output.key_id = key.arn();
  output.shared_secret.emplace().bytes = *std::move(secret);
  output.key_agreement_algorithm = request.key_agreement_algorithm;
  output.key_origin = "AWS_KMS";
  return output;
}

}  // namespace

void add_signing_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::Sign>(registry, core, sign_message);
  add<op::Verify>(registry, core, verify_message);
  add<op::GenerateMac>(registry, core, generate_mac);
  add<op::VerifyMac>(registry, core, verify_mac);
  add<op::DeriveSharedSecret>(registry, core, derive_shared_secret);
}

}  // namespace tidemill::services::kms
