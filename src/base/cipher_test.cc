#include "base/cipher.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace tidemill {
namespace {

// Test case 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega).
TEST(AesGcm, agrees_with_the_published_test_vector) {
  const auto bytes = [](std::string_view text) { return decode_hex(text).value(); };
  const std::string key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  const std::string plaintext = bytes(
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  const std::string nonce = bytes("cafebabefacedbaddecaf888");
  const std::string bound = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  std::string sealed(plaintext.size() + kCipherTagBytes, '\0');
  AesGcm cipher(key);
  cipher.seal(nonce, bound, plaintext, sealed.data());
  EXPECT_EQ(encode_hex(sealed),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b");
  std::string opened(plaintext.size(), '\0');
  ASSERT_TRUE(cipher.open(nonce, bound, sealed, opened.data()));
  EXPECT_EQ(opened, plaintext);
  for (std::size_t at = 0; at < sealed.size(); at += 7) {
    std::string damaged = sealed;
    damaged[at] ^= 1;
    EXPECT_FALSE(cipher.open(nonce, bound, damaged, opened.data())) << at;
  }
  EXPECT_FALSE(cipher.open(nonce, "other", sealed, opened.data()));
}

TEST(SealText, opens_only_with_the_key_and_what_it_is_bound_to) {
  auto random = make_seeded_random(3);
  const std::string key(32, 'k'), other(32, 'o');
  for (const std::string& text : {std::string(), std::string("secret"), std::string(5000, 'x')}) {
    const std::string sealed = seal_text(key, "bound", text, *random);
    EXPECT_NE(sealed, seal_text(key, "bound", text, *random));
    EXPECT_EQ(open_text(key, "bound", sealed), text);
    EXPECT_EQ(open_text(other, "bound", sealed), std::nullopt);
    EXPECT_EQ(open_text(key, "", sealed), std::nullopt);
    EXPECT_EQ(open_text(key, "bound", sealed.substr(0, sealed.size() - 1)), std::nullopt);
  }
  EXPECT_EQ(open_text(key, "bound", "short"), std::nullopt);
}

// RFC 4231, test case 2.
TEST(HmacSha256, agrees_with_the_rfc) {
  EXPECT_EQ(encode_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

}  // namespace
}  // namespace tidemill
