#include "services/kms/crypto/ciphertext.h"

#include "base/cipher.h"
#include "base/encoding.h"

namespace tidemill::services::kms {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kHeaderBytes = 1 + kIdBytes + 4;

void append_number(std::string& out, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(char(number >> shift));
}

// "0b5c9a4e-7d1f-..." without its dashes.
std::string id_bytes(std::string_view uuid) {
  std::string digits;
  for (const char digit : uuid)
    if (digit != '-') digits.push_back(digit);
  return decode_hex(digits).value_or(std::string(kIdBytes, '\0'));
}

std::string id_of(std::string_view bytes) {
  std::string digits = encode_hex(bytes);
  for (const std::size_t at : {20, 16, 12, 8}) digits.insert(at, 1, '-');
  return digits;
}

// Lengths before texts, so that no two contexts have the same bytes. A map is ordered by its keys,
// whatever the request's order was.
std::string bound(std::string_view header, const EncryptionContext& context) {
  std::string out(header);
  for (const auto& [key, value] : context)
    for (const std::string& text : {key, value}) {
      append_number(out, std::uint32_t(text.size()));
      out += text;
    }
  return out;
}

}  // namespace

std::optional<CiphertextHeader> read_header(std::string_view ciphertext) {
  if (ciphertext.size() < kHeaderBytes + kCipherNonceBytes + kCipherTagBytes ||
      ciphertext[0] != kVersion)
    return std::nullopt;
  CiphertextHeader header{id_of(ciphertext.substr(1, kIdBytes)), 0};
  for (std::size_t at = 1 + kIdBytes; at < kHeaderBytes; ++at)
    header.material = header.material << 8 | static_cast<unsigned char>(ciphertext[at]);
  return header;
}

std::string encrypt_symmetric(std::string_view material, const CiphertextHeader& header,
                              const EncryptionContext& context, std::string_view plaintext,
                              Random& random) {
  std::string out(1, kVersion);
  out += id_bytes(header.key_id);
  append_number(out, header.material);
  const std::string bytes = bound(out, context);
  return out + seal_text(material, bytes, plaintext, random);
}

std::optional<std::string> decrypt_symmetric(std::string_view material, std::string_view ciphertext,
                                             const EncryptionContext& context) {
  if (ciphertext.size() < kHeaderBytes) return std::nullopt;
  return open_text(material, bound(ciphertext.substr(0, kHeaderBytes), context),
                   ciphertext.substr(kHeaderBytes));
}

}  // namespace tidemill::services::kms
