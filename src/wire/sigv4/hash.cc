// The low-level functions are deprecated in OpenSSL 3 but remain available; EVP costs an allocation
// and a provider look-up per digest, more than the hashing itself here.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "wire/sigv4/hash.h"

#include <cstring>

#include "base/encoding.h"

namespace tidemill::wire::sigv4 {
namespace {

constexpr std::size_t kBlockBytes = 64;  // of both SHA-1 and SHA-256

struct Pads {
  std::array<char, kBlockBytes> inner;
  std::array<char, kBlockBytes> outer;
};

Pads make_pads(std::string_view block_key) {
  Pads pads;
  pads.inner.fill(0x36);
  pads.outer.fill(0x5c);
  for (std::size_t i = 0; i < block_key.size(); ++i) {
    pads.inner[i] ^= block_key[i];
    pads.outer[i] ^= block_key[i];
  }
  return pads;
}

}  // namespace

Sha256::Sha256() { SHA256_Init(&context_); }
void Sha256::update(std::string_view bytes) {
  SHA256_Update(&context_, bytes.data(), bytes.size());
}
Digest Sha256::digest() const {
  SHA256_CTX copy = context_;
  Digest digest;
  SHA256_Final(digest.data(), &copy);
  return digest;
}

Digest sha256(std::string_view bytes) {
  SHA256_CTX context;
  Digest digest;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

std::string hex(const Digest& digest) { return encode_hex(view(digest)); }

HexDigest::HexDigest(const Digest& digest) { write_hex(sigv4::view(digest), digits_.data()); }

Digest hmac_sha256(std::string_view key, std::string_view message) {
  Digest hashed_key;
  if (key.size() > kBlockBytes) {
    hashed_key = sha256(key);
    key = view(hashed_key);
  }
  Pads pads = make_pads(key);
  SHA256_CTX context;
  Digest digest;
  SHA256_Init(&context);
  SHA256_Update(&context, pads.inner.data(), kBlockBytes);
  SHA256_Update(&context, message.data(), message.size());
  SHA256_Final(digest.data(), &context);
  SHA256_Init(&context);
  SHA256_Update(&context, pads.outer.data(), kBlockBytes);
  SHA256_Update(&context, digest.data(), digest.size());
  SHA256_Final(digest.data(), &context);
  return digest;
}

std::string hmac_sha1(std::string_view key, std::string_view message) {
  unsigned char digest[SHA_DIGEST_LENGTH];
  unsigned char hashed_key[SHA_DIGEST_LENGTH];
  SHA_CTX context;
  if (key.size() > kBlockBytes) {
    SHA1_Init(&context);
    SHA1_Update(&context, key.data(), key.size());
    SHA1_Final(hashed_key, &context);
    key = {reinterpret_cast<const char*>(hashed_key), sizeof hashed_key};
  }
  Pads pads = make_pads(key);
  SHA1_Init(&context);
  SHA1_Update(&context, pads.inner.data(), kBlockBytes);
  SHA1_Update(&context, message.data(), message.size());
  SHA1_Final(digest, &context);
  SHA1_Init(&context);
  SHA1_Update(&context, pads.outer.data(), kBlockBytes);
  SHA1_Update(&context, digest, sizeof digest);
  SHA1_Final(digest, &context);
  return std::string(reinterpret_cast<const char*>(digest), sizeof digest);
}

}  // namespace tidemill::wire::sigv4
