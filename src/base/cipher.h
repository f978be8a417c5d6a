// Encryption of data at rest: AES-256-GCM, and HMAC-SHA256 for keys made of other keys.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

struct evp_cipher_ctx_st;

namespace tidemill {

inline constexpr std::size_t kCipherKeyBytes = 32;
inline constexpr std::size_t kCipherNonceBytes = 12;
inline constexpr std::size_t kCipherTagBytes = 16;

// AES-256-GCM under one key. A nonce may be used for one plaintext only. One thread at a time.
// Throws std::bad_alloc when OpenSSL has no memory.
class AesGcm {
 public:
  explicit AesGcm(std::string_view key);
  AesGcm(AesGcm&&) noexcept;
  AesGcm& operator=(AesGcm&&) noexcept;
  ~AesGcm();

  // Writes the ciphertext and then the tag to `out`: plaintext.size() + kCipherTagBytes bytes.
  // `bound` is not stored: the caller must pass the same value to open().
  void seal(std::string_view nonce, std::string_view bound, std::string_view plaintext, char* out);
  // Writes sealed.size() - kCipherTagBytes bytes. False when the bytes are not what was sealed
  // under this key, nonce and `bound`; what was written must then not be used.
  [[nodiscard]] bool open(std::string_view nonce, std::string_view bound, std::string_view sealed,
                          char* out);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  using Cipher = std::unique_ptr<evp_cipher_ctx_st, Free>;
  std::string key_;
  Cipher sealing_, opening_;  // made when first used
};

// The nonce (random), the ciphertext and the tag. For small texts under one key: at most 2^32.
std::string seal_text(std::string_view key, std::string_view bound, std::string_view plaintext,
                      Random& random);
// nullopt: not what seal_text() made of this key and `bound`.
std::optional<std::string> open_text(std::string_view key, std::string_view bound,
                                     std::string_view sealed);

// 32 bytes.
std::string hmac_sha256(std::string_view key, std::string_view text);
std::string random_bytes(Random& random, std::size_t count);
// Takes the same time wherever the texts differ; their lengths are not secret.
bool equal_in_constant_time(std::string_view a, std::string_view b);
// Overwrites a secret before its memory is released.
void wipe(std::string& secret);

}  // namespace tidemill
