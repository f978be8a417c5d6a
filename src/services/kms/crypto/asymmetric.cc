#include "services/kms/crypto/asymmetric.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/openssl.h"

namespace tidemill::services::kms {
namespace {

using Key = OpenSslPointer<EVP_PKEY, EVP_PKEY_free>;
using KeyContext = OpenSslPointer<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using DigestContext = OpenSslPointer<EVP_MD_CTX, EVP_MD_CTX_free>;
using Pkcs8 = OpenSslPointer<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;

// The DER that an i2d function writes.
template <class Write, class Object>
std::string der_of(Write write, Object* object) {
  unsigned char* der = nullptr;
  const int size = write(object, &der);
  std::string out;
  if (size > 0) out.assign(reinterpret_cast<char*>(der), std::size_t(size));
  OPENSSL_free(der);
  return out;
}

Key read_private(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  return Key(d2i_AutoPrivateKey(nullptr, &at, long(der.size())));
}
Key read_public(std::string_view der) {
  const unsigned char* at = bytes_of(der);
  Key key(d2i_PUBKEY(nullptr, &at, long(der.size())));
  return at == bytes_of(der) + der.size() ? std::move(key) : nullptr;
}

const EVP_MD* digest_of(std::string_view algorithm) {
  if (algorithm.ends_with("SHA_1")) return EVP_sha1();
  if (algorithm.ends_with("SHA_224")) return EVP_sha224();
  if (algorithm.ends_with("SHA_256")) return EVP_sha256();
  if (algorithm.ends_with("SHA_384")) return EVP_sha384();
  return EVP_sha512();
}

// PSS with a salt as long as the digest, as KMS does.
bool set_padding(EVP_PKEY_CTX* context, std::string_view algorithm) {
  if (algorithm.starts_with("RSASSA_PSS"))
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
  if (algorithm.starts_with("RSASSA_PKCS1"))
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  return true;
}

bool is_edwards(std::string_view algorithm) { return algorithm.starts_with("ED25519"); }

Result<std::string> digest(std::string_view algorithm, std::string_view message) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  if (EVP_Digest(message.data(), message.size(), bytes_of(out), &size, digest_of(algorithm),
                 nullptr) != 1)
    return openssl_error("digest a message");
  out.resize(size);
  return out;
}

bool set_oaep(EVP_PKEY_CTX* context, std::string_view algorithm) {
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_oaep_md(context, digest_of(algorithm)) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest_of(algorithm)) == 1;
}

}  // namespace

Result<KeyPair> make_key_pair(const KeySpec& spec) {
  Key key;
  switch (spec.family) {
    case KeyFamily::rsa:
      key.reset(EVP_RSA_gen(unsigned(spec.bits)));
      break;
    case KeyFamily::ecc:
      key.reset(EVP_EC_gen(std::string(spec.curve).c_str()));
      break;
    case KeyFamily::edwards:
      key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
      break;
    default:
      break;
  }
  if (!key) return openssl_error("make a key pair");
  const Pkcs8 pkcs8(EVP_PKEY2PKCS8(key.get()));
  if (!pkcs8) return openssl_error("write a private key");
  KeyPair pair{der_of(i2d_PKCS8_PRIV_KEY_INFO, pkcs8.get()), der_of(i2d_PUBKEY, key.get())};
  if (pair.private_der.empty() || pair.public_der.empty()) return openssl_error("write a key");
  return pair;
}

std::size_t digest_bytes(std::string_view algorithm) {
  return is_edwards(algorithm) ? 0 : std::size_t(EVP_MD_get_size(digest_of(algorithm)));
}

Result<std::string> sign(std::string_view private_der, std::string_view algorithm,
                         std::string_view message, bool is_digest) {
  const Key key = read_private(private_der);
  if (!key) return openssl_error("read a private key");
  std::size_t size = 0;
  if (is_edwards(algorithm)) {
    const DigestContext context(EVP_MD_CTX_new());
    std::string signature(std::size_t(EVP_PKEY_get_size(key.get())), '\0');
    size = signature.size();
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
        EVP_DigestSign(context.get(), bytes_of(signature), &size, bytes_of(message),
                       message.size()) != 1)
      return openssl_error("sign");
    signature.resize(size);
    return signature;
  }
  const std::string digested = is_digest ? std::string(message) : TRY(digest(algorithm, message));
  const KeyContext context(EVP_PKEY_CTX_new(key.get(), nullptr));
  if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_signature_md(context.get(), digest_of(algorithm)) != 1 ||
      !set_padding(context.get(), algorithm) ||
      EVP_PKEY_sign(context.get(), nullptr, &size, bytes_of(std::string_view(digested)),
                    digested.size()) != 1)
    return openssl_error("sign");
  std::string signature(size, '\0');
  if (EVP_PKEY_sign(context.get(), bytes_of(signature), &size, bytes_of(std::string_view(digested)),
                    digested.size()) != 1)
    return openssl_error("sign");
  signature.resize(size);
  return signature;
}

Result<bool> verify(std::string_view public_der, std::string_view algorithm,
                    std::string_view message, bool is_digest, std::string_view signature) {
  const Key key = read_public(public_der);
  if (!key) return openssl_error("read a public key");
  if (is_edwards(algorithm)) {
    const DigestContext context(EVP_MD_CTX_new());
    if (!context || EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1)
      return openssl_error("verify a signature");
    return EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                            message.size()) == 1;
  }
  const std::string digested = is_digest ? std::string(message) : TRY(digest(algorithm, message));
  const KeyContext context(EVP_PKEY_CTX_new(key.get(), nullptr));
  if (!context || EVP_PKEY_verify_init(context.get()) != 1 ||
      EVP_PKEY_CTX_set_signature_md(context.get(), digest_of(algorithm)) != 1 ||
      !set_padding(context.get(), algorithm))
    return openssl_error("verify a signature");
  return EVP_PKEY_verify(context.get(), bytes_of(signature), signature.size(),
                         bytes_of(std::string_view(digested)), digested.size()) == 1;
}

std::size_t oaep_bytes_max(int modulus_bits, std::string_view algorithm) {
  // RFC 8017, 7.1.1.
  return std::size_t(modulus_bits) / 8 - 2 * std::size_t(EVP_MD_get_size(digest_of(algorithm))) - 2;
}

Result<std::string> rsa_encrypt(std::string_view public_der, std::string_view algorithm,
                                std::string_view plaintext) {
  const Key key = read_public(public_der);
  const KeyContext context(key ? EVP_PKEY_CTX_new(key.get(), nullptr) : nullptr);
  std::size_t size = 0;
  if (!context || EVP_PKEY_encrypt_init(context.get()) != 1 ||
      !set_oaep(context.get(), algorithm) ||
      EVP_PKEY_encrypt(context.get(), nullptr, &size, bytes_of(plaintext), plaintext.size()) != 1)
    return openssl_error("encrypt");
  std::string out(size, '\0');
  if (EVP_PKEY_encrypt(context.get(), bytes_of(out), &size, bytes_of(plaintext),
                       plaintext.size()) != 1)
    return openssl_error("encrypt");
  out.resize(size);
  return out;
}

Result<std::string> rsa_decrypt(std::string_view private_der, std::string_view algorithm,
                                std::string_view ciphertext) {
  const Key key = read_private(private_der);
  const KeyContext context(key ? EVP_PKEY_CTX_new(key.get(), nullptr) : nullptr);
  if (!context || EVP_PKEY_decrypt_init(context.get()) != 1 || !set_oaep(context.get(), algorithm))
    return openssl_error("decrypt");
  std::size_t size = std::size_t(EVP_PKEY_get_size(key.get()));
  std::string out(size, '\0');
  if (EVP_PKEY_decrypt(context.get(), bytes_of(out), &size, bytes_of(ciphertext),
                       ciphertext.size()) != 1)
    return fail(codes::kInvalid, "the ciphertext is not of this key");
  out.resize(size);
  return out;
}

Result<std::string> agree(std::string_view private_der, std::string_view peer_public_der) {
  const Key key = read_private(private_der), peer = read_public(peer_public_der);
  const KeyContext context(key ? EVP_PKEY_CTX_new(key.get(), nullptr) : nullptr);
  std::size_t size = 0;
  if (!context || EVP_PKEY_derive_init(context.get()) != 1) return openssl_error("agree on a key");
  // Refuses points that are not on the key's curve.
  if (!peer || EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), nullptr, &size) != 1)
    return fail(codes::kInvalid, "the public key is not on the same curve");
  std::string secret(size, '\0');
  if (EVP_PKEY_derive(context.get(), bytes_of(secret), &size) != 1)
    return openssl_error("agree on a key");
  secret.resize(size);
  return secret;
}

std::string mac(std::string_view key, std::string_view algorithm, std::string_view message) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  HMAC(digest_of(algorithm), key.data(), int(key.size()), bytes_of(message), message.size(),
       bytes_of(out), &size);
  out.resize(size);
  return out;
}

}  // namespace tidemill::services::kms
