// RSA keys that sign digests and checkpoints: SHA-256 with RSA, PKCS #1 v1.5, as CloudTrail does.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
#pragma once

#include <string>
#include <string_view>

#include "services/cloudtrail/log/records.h"

namespace tidemill::services::cloudtrail {

inline constexpr unsigned kKeyBits = 2048;
inline constexpr std::string_view kSignatureAlgorithm = "SHA256withRSA";

// A new key, without its times of validity. Takes about 100 ms of CPU.
Result<SigningKeyRecord> make_signing_key();
// Hexadecimal.
Result<std::string> sign(const SigningKeyRecord& key, std::string_view text);
// `public_key_der`: base64, as in SigningKeyRecord; `signature`: hexadecimal.
bool verify_signature(std::string_view public_key_der, std::string_view text,
                      std::string_view signature);

}  // namespace tidemill::services::cloudtrail
