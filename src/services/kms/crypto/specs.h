// A table of the kinds of keys and their algorithms.
// https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html
#pragma once

#include <span>
#include <string_view>

namespace tidemill::services::kms {

enum class KeyFamily { symmetric, hmac, rsa, ecc, edwards };

struct KeySpec {
  std::string_view name;  // "RSA_2048"
  KeyFamily family;
  int bits;                // of an RSA modulus or of secret material
  std::string_view curve;  // OpenSSL's name
  std::span<const std::string_view> usages;
  std::span<const std::string_view> encryption_algorithms, signing_algorithms, mac_algorithms;

  bool is_asymmetric() const { return family != KeyFamily::symmetric && family != KeyFamily::hmac; }
};

// nullptr: there is none, or it is not supported here (SM2, ML-DSA, ML-KEM).
const KeySpec* find_key_spec(std::string_view name);

inline constexpr std::string_view kSymmetricDefault = "SYMMETRIC_DEFAULT";
inline constexpr std::string_view kEncryptDecrypt = "ENCRYPT_DECRYPT";
inline constexpr std::string_view kSignVerify = "SIGN_VERIFY";
inline constexpr std::string_view kGenerateVerifyMac = "GENERATE_VERIFY_MAC";
inline constexpr std::string_view kKeyAgreement = "KEY_AGREEMENT";

bool is_one_of(std::span<const std::string_view> list, std::string_view word);

}  // namespace tidemill::services::kms
