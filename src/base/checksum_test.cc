#include "base/checksum.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/random.h"

namespace tidemill {
namespace {

using enum ChecksumAlgorithm;
constexpr ChecksumAlgorithm kAll[] = {crc32,  crc32c, crc64nvme, sha1,    sha256,
                                      sha512, md5,    xxhash64,  xxhash3, xxhash128};

// Check values of the RevEng catalogue, the FIPS and RFC texts, and xxhsum.
TEST(Checksum, published_check_values) {
  auto hex = [](ChecksumAlgorithm algorithm) {
    return encode_hex(checksum_of(algorithm, "123456789"));
  };
  EXPECT_EQ(hex(crc32), "cbf43926");
  EXPECT_EQ(hex(crc32c), "e3069283");
  EXPECT_EQ(hex(crc64nvme), "ae8b14860a799888");
  EXPECT_EQ(hex(sha1), "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
  EXPECT_EQ(hex(md5), "25f9e794323b453885f5181f1b624d0b");
  EXPECT_EQ(hex(xxhash64), "8cb841db40e6ae83");
  EXPECT_EQ(encode_hex(checksum_of(sha256, "abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(encode_hex(checksum_of(xxhash3, "")), "2d06800538d394c2");
  EXPECT_EQ(encode_hex(checksum_of(xxhash128, "")), "99aa06d3014798d86001c324468d497f");
}

TEST(Checksum, pieces_give_what_the_whole_gives) {
  auto random = make_seeded_random(7);
  for (ChecksumAlgorithm algorithm : kAll) {
    std::string bytes = make_token(*random, 1 + random->next() % 5000);
    auto checksum = Checksum::make(algorithm);
    for (std::size_t at = 0; at < bytes.size();) {
      std::size_t step = 1 + random->next() % 97;
      checksum->update(std::string_view(bytes).substr(at, step));
      checksum->digest();  // reading the digest in between changes nothing
      at += step;
    }
    EXPECT_EQ(checksum->digest(), checksum_of(algorithm, bytes)) << checksum_name(algorithm);
    EXPECT_EQ(checksum->digest().size(), checksum_size_bytes(algorithm));
  }
}

// Long pieces take another way through the processor than short ones.
TEST(Checksum, crc64nvme_isTheSameInPiecesOfAnySize) {
  auto random = make_seeded_random(9);
  const std::string bytes = make_token(*random, 800);
  for (std::size_t from = 0; from < 3; ++from)
    for (std::size_t size = 100; size + from <= bytes.size(); ++size) {
      const std::string_view piece = std::string_view(bytes).substr(from, size);
      std::uint64_t one_by_one = 77;
      for (const char& byte : piece)
        one_by_one = tidemill::crc64nvme(std::string_view(&byte, 1), one_by_one);
      ASSERT_EQ(tidemill::crc64nvme(piece, 77), one_by_one) << size;
    }
}

TEST(Checksum, combines_crcs) {
  auto random = make_seeded_random(8);
  for (ChecksumAlgorithm algorithm : {crc32, crc32c, crc64nvme}) {
    for (std::size_t size : {0u, 1u, 8u, 1000u, 70'001u}) {
      std::string a = make_token(*random, 333), b = make_token(*random, size);
      EXPECT_EQ(combine_checksums(algorithm, checksum_of(algorithm, a), checksum_of(algorithm, b),
                                  b.size()),
                checksum_of(algorithm, a + b))
          << checksum_name(algorithm) << " " << size;
    }
  }
  EXPECT_EQ(combine_checksums(sha1, std::string(20, 'a'), std::string(20, 'b'), 1), std::nullopt);
  EXPECT_EQ(combine_checksums(crc32, "abc", "abcd", 1), std::nullopt);
}

TEST(Checksum, names_and_headers) {
  for (ChecksumAlgorithm algorithm : kAll) {
    EXPECT_EQ(checksum_by_name(checksum_name(algorithm)), algorithm);
    EXPECT_EQ(checksum_by_header(checksum_header(algorithm)), algorithm);
  }
  EXPECT_EQ(checksum_by_header("X-Amz-Checksum-Crc32C"), crc32c);
  EXPECT_EQ(checksum_by_name("CRC31"), std::nullopt);
}

TEST(Checksum, seeds_continue) {
  EXPECT_EQ(tidemill::crc32c("6789", tidemill::crc32c("12345")), 0xe3069283u);
  EXPECT_EQ(tidemill::crc32("", 5), 5u);
}

}  // namespace
}  // namespace tidemill
