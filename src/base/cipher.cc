#include "base/cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cassert>
#include <cstring>
#include <new>

namespace tidemill {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(char* out) { return reinterpret_cast<unsigned char*>(out); }

void require(bool worked) {
  if (!worked) [[unlikely]]
    throw std::bad_alloc();
}

// Looked up once: the look-up costs more than the encryption of a small text.
const EVP_CIPHER* algorithm() {
  static const EVP_CIPHER* found = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return found;
}

}  // namespace

void AesGcm::Free::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

AesGcm::AesGcm(std::string_view key) : key_(key) { assert(key.size() == kCipherKeyBytes); }
AesGcm::AesGcm(AesGcm&&) noexcept = default;
AesGcm& AesGcm::operator=(AesGcm&&) noexcept = default;
AesGcm::~AesGcm() { wipe(key_); }

void AesGcm::seal(std::string_view nonce, std::string_view bound, std::string_view plaintext,
                  char* out) {
  assert(nonce.size() == kCipherNonceBytes);
  if (!sealing_) {
    sealing_.reset(EVP_CIPHER_CTX_new());
    require(sealing_ && EVP_EncryptInit_ex2(sealing_.get(), algorithm(), bytes_of(key_), nullptr,
                                            nullptr) == 1);
  }
  EVP_CIPHER_CTX* const cipher = sealing_.get();
  int count = 0;
  require(EVP_EncryptInit_ex2(cipher, nullptr, nullptr, bytes_of(nonce), nullptr) == 1);
  if (!bound.empty())
    require(EVP_EncryptUpdate(cipher, nullptr, &count, bytes_of(bound), int(bound.size())) == 1);
  if (!plaintext.empty())
    require(EVP_EncryptUpdate(cipher, bytes_of(out), &count, bytes_of(plaintext),
                              int(plaintext.size())) == 1);
  unsigned char rest[kCipherTagBytes];
  require(EVP_EncryptFinal_ex(cipher, rest, &count) == 1);
  require(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, int(kCipherTagBytes),
                              out + plaintext.size()) == 1);
}

bool AesGcm::open(std::string_view nonce, std::string_view bound, std::string_view sealed,
                  char* out) {
  if (nonce.size() != kCipherNonceBytes || sealed.size() < kCipherTagBytes) return false;
  if (!opening_) {
    opening_.reset(EVP_CIPHER_CTX_new());
    require(opening_ && EVP_DecryptInit_ex2(opening_.get(), algorithm(), bytes_of(key_), nullptr,
                                            nullptr) == 1);
  }
  EVP_CIPHER_CTX* const cipher = opening_.get();
  const std::string_view text = sealed.substr(0, sealed.size() - kCipherTagBytes);
  unsigned char tag[kCipherTagBytes];
  std::memcpy(tag, sealed.data() + text.size(), kCipherTagBytes);
  int count = 0;
  require(EVP_DecryptInit_ex2(cipher, nullptr, nullptr, bytes_of(nonce), nullptr) == 1);
  if (!bound.empty())
    require(EVP_DecryptUpdate(cipher, nullptr, &count, bytes_of(bound), int(bound.size())) == 1);
  if (!text.empty())
    require(EVP_DecryptUpdate(cipher, bytes_of(out), &count, bytes_of(text), int(text.size())) ==
            1);
  require(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, int(kCipherTagBytes), tag) == 1);
  unsigned char rest[kCipherTagBytes];
  return EVP_DecryptFinal_ex(cipher, rest, &count) == 1;
}

std::string seal_text(std::string_view key, std::string_view bound, std::string_view plaintext,
                      Random& random) {
  std::string out = random_bytes(random, kCipherNonceBytes);
  out.resize(kCipherNonceBytes + plaintext.size() + kCipherTagBytes);
  AesGcm(key).seal(std::string_view(out).substr(0, kCipherNonceBytes), bound, plaintext,
                   out.data() + kCipherNonceBytes);
  return out;
}

std::optional<std::string> open_text(std::string_view key, std::string_view bound,
                                     std::string_view sealed) {
  if (sealed.size() < kCipherNonceBytes + kCipherTagBytes) return std::nullopt;
  std::string out(sealed.size() - kCipherNonceBytes - kCipherTagBytes, '\0');
  if (!AesGcm(key).open(sealed.substr(0, kCipherNonceBytes), bound,
                        sealed.substr(kCipherNonceBytes), out.data()))
    return std::nullopt;
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  require(HMAC(EVP_sha256(), key.data(), int(key.size()), bytes_of(text), text.size(),
               bytes_of(out.data()), &size) != nullptr);
  out.resize(size);
  return out;
}

std::string random_bytes(Random& random, std::size_t count) {
  std::string out(count, '\0');
  for (std::size_t at = 0; at < count; at += sizeof(std::uint64_t)) {
    const std::uint64_t next = random.next();
    std::memcpy(out.data() + at, &next, std::min(sizeof(next), count - at));
  }
  return out;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

void wipe(std::string& secret) {
  if (!secret.empty()) OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

}  // namespace tidemill
