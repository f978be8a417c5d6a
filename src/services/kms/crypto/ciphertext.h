// The ciphertexts of symmetric keys, which name their key and its material:
//   1 byte   version (1)
//   16 bytes the key's id
//   4 bytes  the material's place in the key's list, from 1, big-endian
//   then     nonce, ciphertext and tag of AES-256-GCM (base/cipher.h)
// The tag also covers these first bytes and the encryption context.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace tidemill::services::kms {

using EncryptionContext = std::map<std::string, std::string>;

struct CiphertextHeader {
  std::string key_id;
  std::uint32_t material = 0;
};
// nullopt: not a ciphertext of a symmetric key.
std::optional<CiphertextHeader> read_header(std::string_view ciphertext);

std::string encrypt_symmetric(std::string_view material, const CiphertextHeader& header,
                              const EncryptionContext& context, std::string_view plaintext,
                              Random& random);
// nullopt: damaged, of another material, or made with another context.
std::optional<std::string> decrypt_symmetric(std::string_view material, std::string_view ciphertext,
                                             const EncryptionContext& context);

}  // namespace tidemill::services::kms
