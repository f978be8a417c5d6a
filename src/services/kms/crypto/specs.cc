#include "services/kms/crypto/specs.h"

#include <algorithm>
#include <array>

namespace tidemill::services::kms {
namespace {

using Words = std::string_view;

constexpr Words kSymmetricUsages[] = {kEncryptDecrypt};
constexpr Words kMacUsages[] = {kGenerateVerifyMac};
constexpr Words kRsaUsages[] = {kEncryptDecrypt, kSignVerify};
constexpr Words kNistUsages[] = {kSignVerify, kKeyAgreement};
constexpr Words kSigningUsages[] = {kSignVerify};

constexpr Words kSymmetricAlgorithms[] = {kSymmetricDefault};
constexpr Words kRsaEncryption[] = {"RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"};
constexpr Words kRsaSigning[] = {"RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384",
                                 "RSASSA_PKCS1_V1_5_SHA_512", "RSASSA_PSS_SHA_256",
                                 "RSASSA_PSS_SHA_384",        "RSASSA_PSS_SHA_512"};
constexpr Words kEcdsa256[] = {"ECDSA_SHA_256"};
constexpr Words kEcdsa384[] = {"ECDSA_SHA_384"};
constexpr Words kEcdsa512[] = {"ECDSA_SHA_512"};
constexpr Words kEd25519[] = {"ED25519_SHA_512"};
constexpr Words kMac224[] = {"HMAC_SHA_224"};
constexpr Words kMac256[] = {"HMAC_SHA_256"};
constexpr Words kMac384[] = {"HMAC_SHA_384"};
constexpr Words kMac512[] = {"HMAC_SHA_512"};

constexpr auto kSpecs = std::to_array<KeySpec>({
    {kSymmetricDefault,
     KeyFamily::symmetric,
     256,
     "",
     kSymmetricUsages,
     kSymmetricAlgorithms,
     {},
     {}},
    {"HMAC_224", KeyFamily::hmac, 224, "", kMacUsages, {}, {}, kMac224},
    {"HMAC_256", KeyFamily::hmac, 256, "", kMacUsages, {}, {}, kMac256},
    {"HMAC_384", KeyFamily::hmac, 384, "", kMacUsages, {}, {}, kMac384},
    {"HMAC_512", KeyFamily::hmac, 512, "", kMacUsages, {}, {}, kMac512},
    {"RSA_2048", KeyFamily::rsa, 2048, "", kRsaUsages, kRsaEncryption, kRsaSigning, {}},
    {"RSA_3072", KeyFamily::rsa, 3072, "", kRsaUsages, kRsaEncryption, kRsaSigning, {}},
    {"RSA_4096", KeyFamily::rsa, 4096, "", kRsaUsages, kRsaEncryption, kRsaSigning, {}},
    {"ECC_NIST_P256", KeyFamily::ecc, 256, "P-256", kNistUsages, {}, kEcdsa256, {}},
    {"ECC_NIST_P384", KeyFamily::ecc, 384, "P-384", kNistUsages, {}, kEcdsa384, {}},
    {"ECC_NIST_P521", KeyFamily::ecc, 521, "P-521", kNistUsages, {}, kEcdsa512, {}},
    {"ECC_SECG_P256K1", KeyFamily::ecc, 256, "secp256k1", kSigningUsages, {}, kEcdsa256, {}},
    {"ECC_NIST_EDWARDS25519", KeyFamily::edwards, 256, "ED25519", kSigningUsages, {}, kEd25519, {}},
});

}  // namespace

const KeySpec* find_key_spec(std::string_view name) {
  const auto found = std::ranges::find(kSpecs, name, &KeySpec::name);
  return found == kSpecs.end() ? nullptr : &*found;
}

bool is_one_of(std::span<const std::string_view> list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

}  // namespace tidemill::services::kms
