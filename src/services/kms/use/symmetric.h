// Encrypting and decrypting with a key that a request names.
#pragma once

#include "services/kms/common/keys.h"
#include "services/kms/crypto/ciphertext.h"

namespace tidemill::services::kms {

inline constexpr std::size_t kPlaintextBytesMax = 4096;

// The key, enabled and of the right usage.
Result<KeyRecord> usable_key(Core& core, const Context& context, std::string_view key_id,
                             std::string_view usage);

// Encrypts with the current material of a symmetric key.
Result<std::string> encrypt_with(Core& core, const KeyRecord& key,
                                 const std::optional<EncryptionContext>& context,
                                 std::string_view plaintext);

struct DecryptionInput {
  const std::optional<Blob>& ciphertext;
  const std::optional<EncryptionContext>& context;
  const std::optional<std::string>& key_id;
  const std::optional<std::string>& algorithm;
};
struct Decrypted {
  KeyRecord key;
  std::string plaintext, algorithm;
  std::string material_id;  // of a symmetric key
};
// InvalidCiphertextException, IncorrectKeyException, and the errors of usable_key().
Result<Decrypted> decrypt(Core& core, const Context& context, const DecryptionInput& input);

std::unexpected<Error> invalid_ciphertext();
// The error for a ciphertext whose key does not exist here.
std::unexpected<Error> unknown_ciphertext_key();

}  // namespace tidemill::services::kms
