// SHA-256 and HMAC for request signatures: no allocations and no algorithm look-ups, so that
// verifying a small request takes a few microseconds.
#pragma once

#include <openssl/sha.h>

#include <array>
#include <string>
#include <string_view>

namespace tidemill::wire::sigv4 {

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

inline std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

class Sha256 {
 public:
  Sha256();
  void update(std::string_view bytes);
  Digest digest() const;  // of all bytes so far; more may follow

 private:
  SHA256_CTX context_;
};

Digest sha256(std::string_view bytes);
std::string hex(const Digest& digest);
// The same on the stack.
class HexDigest {
 public:
  explicit HexDigest(const Digest& digest);
  std::string_view view() const { return {digits_.data(), digits_.size()}; }

 private:
  std::array<char, 2 * SHA256_DIGEST_LENGTH> digits_;
};
Digest hmac_sha256(std::string_view key, std::string_view message);
// Raw 20 bytes.
std::string hmac_sha1(std::string_view key, std::string_view message);

// SHA-256 of the empty text, in hexadecimal.
inline constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

}  // namespace tidemill::wire::sigv4
