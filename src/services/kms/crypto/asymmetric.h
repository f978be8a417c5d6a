// RSA and elliptic-curve keys, through OpenSSL. Private keys are PKCS #8 in DER, public keys
// SubjectPublicKeyInfo in DER.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "services/kms/crypto/specs.h"

namespace tidemill::services::kms {

struct KeyPair {
  std::string private_der, public_der;
};
Result<KeyPair> make_key_pair(const KeySpec& spec);

// The bytes that a signing algorithm's digest has; 0: it signs the message itself (Ed25519).
std::size_t digest_bytes(std::string_view signing_algorithm);

// `message`, or its digest when `is_digest`, of the right size.
Result<std::string> sign(std::string_view private_der, std::string_view algorithm,
                         std::string_view message, bool is_digest);
Result<bool> verify(std::string_view public_der, std::string_view algorithm,
                    std::string_view message, bool is_digest, std::string_view signature);

// RSAES_OAEP_SHA_1 and _256. The longest plaintext of a modulus:
std::size_t oaep_bytes_max(int modulus_bits, std::string_view algorithm);
Result<std::string> rsa_encrypt(std::string_view public_der, std::string_view algorithm,
                                std::string_view plaintext);
// Tidemill.Invalid when the ciphertext is not of this key.
Result<std::string> rsa_decrypt(std::string_view private_der, std::string_view algorithm,
                                std::string_view ciphertext);

// ECDH. Tidemill.Invalid when the public key is not on the same curve.
Result<std::string> agree(std::string_view private_der, std::string_view peer_public_der);

// HMAC_SHA_224 to _512.
std::string mac(std::string_view key, std::string_view algorithm, std::string_view message);

}  // namespace tidemill::services::kms
