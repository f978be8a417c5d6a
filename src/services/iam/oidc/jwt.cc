#include "services/iam/oidc/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/encoding.h"
#include "base/json.h"
#include "base/openssl.h"

namespace tidemill::services::iam {
namespace {

using Key = OpenSslPointer<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = OpenSslPointer<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Number = OpenSslPointer<BIGNUM, BN_free>;
using Builder = OpenSslPointer<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>;
using Parameters = OpenSslPointer<OSSL_PARAM, OSSL_PARAM_free>;
using DigestContext = OpenSslPointer<EVP_MD_CTX, EVP_MD_CTX_free>;
using EcSignature = OpenSslPointer<ECDSA_SIG, ECDSA_SIG_free>;

struct Algorithm {
  std::string_view name;
  const EVP_MD* (*digest)();
  std::string_view curve;  // as JSON Web Keys name it; empty: RSA
  const char* group;       // as OpenSSL names it
  std::size_t coordinate_bytes;
};
constexpr Algorithm kAlgorithms[] = {
    {"RS256", EVP_sha256, "", nullptr, 0},
    {"RS384", EVP_sha384, "", nullptr, 0},
    {"RS512", EVP_sha512, "", nullptr, 0},
    {"ES256", EVP_sha256, "P-256", "prime256v1", 32},
    {"ES384", EVP_sha384, "P-384", "secp384r1", 48},
    {"ES512", EVP_sha512, "P-521", "secp521r1", 66},
};
// Limits of an RSA key's modulus: shorter keys are weak, and longer ones take long to verify.
constexpr std::size_t kModulusBytesMin = 256, kModulusBytesMax = 1024;
constexpr std::size_t kExponentBytesMax = 4;

std::unexpected<Error> not_a_token() {
  return fail("InvalidIdentityToken",
              "The ID Token provided is not a valid JWT. (You may see this error if you sent an "
              "Access Token)",
              400);
}

std::optional<std::string> decode_base64url(std::string_view text) {
  std::string plain(text);
  for (char& c : plain) {
    if (c == '+' || c == '/' || c == '=') return std::nullopt;
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  plain.append((4 - plain.size() % 4) % 4, '=');
  Result<std::string> bytes = decode_base64(plain);
  if (!bytes) return std::nullopt;
  return *std::move(bytes);
}

std::string text_of(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  return value && value->as_string() ? *value->as_string() : std::string();
}

// nullopt when the key has no such number.
std::optional<std::string> number_of(const Value& key, std::string_view name) {
  const std::string text = text_of(key, name);
  if (text.empty()) return std::nullopt;
  return decode_base64url(text);
}

Number to_number(const std::string& bytes) {
  return Number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), int(bytes.size()), nullptr));
}

Key make_key(const char* type, OSSL_PARAM* parameters) {
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
    return nullptr;
  return Key(key);
}

Key rsa_key(const Value& key) {
  const auto modulus = number_of(key, "n"), exponent = number_of(key, "e");
  if (text_of(key, "kty") != "RSA" || !modulus || !exponent || modulus->size() < kModulusBytesMin ||
      modulus->size() > kModulusBytesMax || exponent->size() > kExponentBytesMax)
    return nullptr;
  const Number n = to_number(*modulus), e = to_number(*exponent);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
    return nullptr;
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder.get()));
  return parameters ? make_key("RSA", parameters.get()) : nullptr;
}

Key ec_key(const Value& key, const Algorithm& algorithm) {
  const auto x = number_of(key, "x"), y = number_of(key, "y");
  if (text_of(key, "kty") != "EC" || text_of(key, "crv") != algorithm.curve || !x || !y ||
      x->size() != algorithm.coordinate_bytes || y->size() != algorithm.coordinate_bytes)
    return nullptr;
  std::string point = "\x04" + *x + *y;  // uncompressed
  std::string group = algorithm.group;
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()),
      OSSL_PARAM_construct_end()};
  return make_key("EC", parameters);
}

// JSON Web Tokens hold both numbers one behind the other, OpenSSL wants them in DER.
std::optional<std::string> der_signature(const std::string& raw, std::size_t coordinate_bytes) {
  if (raw.size() != 2 * coordinate_bytes) return std::nullopt;
  const EcSignature signature(ECDSA_SIG_new());
  Number r = to_number(raw.substr(0, coordinate_bytes)),
         s = to_number(raw.substr(coordinate_bytes));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1)
    return std::nullopt;
  // The signature owns them now.
  (void)r.release();
  (void)s.release();
  std::string out(std::size_t(std::max(0, i2d_ECDSA_SIG(signature.get(), nullptr))), '\0');
  auto* end = reinterpret_cast<unsigned char*>(out.data());
  if (i2d_ECDSA_SIG(signature.get(), &end) <= 0) return std::nullopt;
  return out;
}

}  // namespace

Result<Jwt> parse_jwt(std::string_view text) {
  const std::size_t first = text.find('.');
  const std::size_t second = first == text.npos ? text.npos : text.find('.', first + 1);
  if (second == text.npos || text.find('.', second + 1) != text.npos) return not_a_token();
  const auto header = decode_base64url(text.substr(0, first));
  const auto claims = decode_base64url(text.substr(first + 1, second - first - 1));
  auto signature = decode_base64url(text.substr(second + 1));
  if (!header || !claims || !signature || signature->empty()) return not_a_token();
  const Result<Value> header_value = parse_json(*header);
  Result<Value> claims_value = parse_json(*claims);
  if (!header_value || !header_value->as_object() || !claims_value || !claims_value->as_object())
    return not_a_token();
  Jwt token;
  token.algorithm = text_of(*header_value, "alg");
  token.key_id = text_of(*header_value, "kid");
  token.claims = *std::move(claims_value);
  token.signed_text = text.substr(0, second);
  token.signature = *std::move(signature);
  return token;
}

bool is_signing_key(const Value& key) {
  if (const std::string use = text_of(key, "use"); !use.empty() && use != "sig") return false;
  return rsa_key(key) || std::ranges::any_of(kAlgorithms, [&](const Algorithm& each) {
           return each.group && ec_key(key, each);
         });
}

bool signed_by(const Jwt& token, const Value& key) {
  const Algorithm* algorithm = nullptr;
  for (const Algorithm& each : kAlgorithms)
    if (each.name == token.algorithm) algorithm = &each;
  if (!algorithm) return false;
  const std::string use = text_of(key, "use"), only = text_of(key, "alg");
  if ((!use.empty() && use != "sig") || (!only.empty() && only != token.algorithm)) return false;
  const Key public_key = algorithm->group ? ec_key(key, *algorithm) : rsa_key(key);
  if (!public_key) return false;
  std::optional<std::string> signature = token.signature;
  if (algorithm->group) signature = der_signature(token.signature, algorithm->coordinate_bytes);
  if (!signature) return false;
  const DigestContext context(EVP_MD_CTX_new());
  return context &&
         EVP_DigestVerifyInit(context.get(), nullptr, algorithm->digest(), nullptr,
                              public_key.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature->data()),
                          signature->size(),
                          reinterpret_cast<const unsigned char*>(token.signed_text.data()),
                          token.signed_text.size()) == 1;
}

}  // namespace tidemill::services::iam
