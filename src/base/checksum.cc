#include "base/checksum.h"

#include <openssl/evp.h>
#include <xxhash.h>
#include <zlib.h>
#if defined(__x86_64__)
#include <wmmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

namespace tidemill {
namespace {

struct Description {
  std::string_view name;
  std::string_view header;
  std::size_t size_bytes;
};
// In the order of the enumeration.
constexpr Description kDescriptions[] = {
    {"CRC32", "x-amz-checksum-crc32", 4},
    {"CRC32C", "x-amz-checksum-crc32c", 4},
    {"CRC64NVME", "x-amz-checksum-crc64nvme", 8},
    {"SHA1", "x-amz-checksum-sha1", 20},
    {"SHA256", "x-amz-checksum-sha256", 32},
    {"SHA512", "x-amz-checksum-sha512", 64},
    {"MD5", "x-amz-checksum-md5", 16},
    {"XXHASH64", "x-amz-checksum-xxhash64", 8},
    {"XXHASH3", "x-amz-checksum-xxhash3", 8},
    {"XXHASH128", "x-amz-checksum-xxhash128", 16},
};

const Description& describe(ChecksumAlgorithm algorithm) {
  return kDescriptions[static_cast<std::size_t>(algorithm)];
}

bool same_ignoring_case(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::optional<ChecksumAlgorithm> find_by(std::string_view Description::* member,
                                         std::string_view text) {
  for (std::size_t i = 0; i < std::size(kDescriptions); ++i)
    if (same_ignoring_case(kDescriptions[i].*member, text)) return ChecksumAlgorithm(i);
  return std::nullopt;
}

// Bit-reflected polynomials, as the RevEng catalogue lists these CRCs.
constexpr std::uint32_t kCrc32Polynomial = 0xedb88320;
constexpr std::uint32_t kCrc32cPolynomial = 0x82f63b78;
constexpr std::uint64_t kCrc64NvmePolynomial = 0x9a6c9329ac4bc9b5;

// "Slicing by 8": table k advances a byte over k zero bytes, so eight look-ups take eight bytes.
template <class Word>
using Tables = std::array<std::array<Word, 256>, 8>;

template <class Word>
constexpr Tables<Word> make_tables(Word polynomial) {
  Tables<Word> tables{};
  for (unsigned i = 0; i < 256; ++i) {
    Word word = i;
    for (int bit = 0; bit < 8; ++bit) word = word & 1 ? (word >> 1) ^ polynomial : word >> 1;
    tables[0][i] = word;
  }
  for (unsigned i = 0; i < 256; ++i)
    for (unsigned k = 1; k < 8; ++k)
      tables[k][i] = tables[0][tables[k - 1][i] & 255] ^ (tables[k - 1][i] >> 8);
  return tables;
}
constexpr Tables<std::uint32_t> kCrc32cTables = make_tables(kCrc32cPolynomial);
constexpr Tables<std::uint64_t> kCrc64NvmeTables = make_tables(kCrc64NvmePolynomial);

template <class Word>
Word slice(const Tables<Word>& tables, std::string_view bytes, Word seed) {
  Word crc = ~seed;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    word ^= crc;
    crc = tables[7][word & 255] ^ tables[6][word >> 8 & 255] ^ tables[5][word >> 16 & 255] ^
          tables[4][word >> 24 & 255] ^ tables[3][word >> 32 & 255] ^ tables[2][word >> 40 & 255] ^
          tables[1][word >> 48 & 255] ^ tables[0][word >> 56];
  }
  for (; left > 0; ++at, --left)
    crc = tables[0][(crc ^ static_cast<unsigned char>(*at)) & 255] ^ (crc >> 8);
  return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_hardware(std::string_view bytes,
                                                                std::uint32_t seed) {
  std::uint64_t crc = static_cast<std::uint32_t>(~seed);
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    crc = __builtin_ia32_crc32di(crc, word);
  }
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; left > 0; ++at, --left)
    narrow = __builtin_ia32_crc32qi(narrow, static_cast<unsigned char>(*at));
  return ~narrow;
}
const bool kHasCrc32c = __builtin_cpu_supports("sse4.2");

// x^exponent modulo the polynomial, reflected.
constexpr std::uint64_t power_of_x(int exponent) {
  std::uint64_t power = std::uint64_t(1) << 63;
  for (; exponent > 0; --exponent)
    power = power & 1 ? (power >> 1) ^ kCrc64NvmePolynomial : power >> 1;
  return power;
}

// Moves 16 bytes by the distance that the keys encode, and XORs them with the bytes at that place.
__attribute__((target("pclmul"))) inline __m128i fold(__m128i bytes, __m128i keys, __m128i there) {
  return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(bytes, keys, 0x00),
                                     _mm_clmulepi64_si128(bytes, keys, 0x11)),
                       there);
}

// "Fast CRC computation for generic polynomials using PCLMULQDQ" (Intel, 2009): folds four lanes of
// 16 bytes, then the lanes into one, whose CRC is that of everything before.
__attribute__((target("pclmul"))) std::uint64_t crc64nvme_hardware(std::string_view bytes,
                                                                   std::uint64_t seed) {
  constexpr std::size_t kLanes = 4;
  const auto* at = reinterpret_cast<const __m128i*>(bytes.data());
  std::size_t blocks = bytes.size() / sizeof(__m128i);
  // A product of reflected words has one factor x more than the words'.
  const __m128i by_four = _mm_set_epi64x(static_cast<long long>(power_of_x(511)),
                                         static_cast<long long>(power_of_x(575)));
  const __m128i by_one = _mm_set_epi64x(static_cast<long long>(power_of_x(127)),
                                        static_cast<long long>(power_of_x(191)));
  __m128i a = _mm_xor_si128(_mm_loadu_si128(at), _mm_set_epi64x(0, static_cast<long long>(~seed)));
  __m128i b = _mm_loadu_si128(at + 1), c = _mm_loadu_si128(at + 2), d = _mm_loadu_si128(at + 3);
  for (at += kLanes, blocks -= kLanes; blocks >= kLanes; at += kLanes, blocks -= kLanes) {
    a = fold(a, by_four, _mm_loadu_si128(at));
    b = fold(b, by_four, _mm_loadu_si128(at + 1));
    c = fold(c, by_four, _mm_loadu_si128(at + 2));
    d = fold(d, by_four, _mm_loadu_si128(at + 3));
  }
  a = fold(fold(fold(a, by_one, b), by_one, c), by_one, d);
  for (; blocks > 0; ++at, --blocks) a = fold(a, by_one, _mm_loadu_si128(at));
  char folded[sizeof(__m128i)];
  std::memcpy(folded, &a, sizeof folded);
  // slice() inverts its seed, and here nothing comes before.
  const std::uint64_t crc =
      slice(kCrc64NvmeTables, std::string_view(folded, sizeof folded), ~std::uint64_t(0));
  return slice(kCrc64NvmeTables, bytes.substr(bytes.size() / sizeof folded * sizeof folded), crc);
}
constexpr std::size_t kFoldedBytesMin = 128;
const bool kHasCarryLessProduct = __builtin_cpu_supports("pclmul");
#endif

template <class Word>
std::string big_endian(Word word) {
  std::string out(sizeof(Word), '\0');
  for (std::size_t i = 0; i < sizeof(Word); ++i)
    out[i] = char(word >> (8 * (sizeof(Word) - 1 - i)) & 255);
  return out;
}

template <class Word, Word (*function)(std::string_view, Word)>
class CrcChecksum final : public Checksum {
 public:
  void update(std::string_view bytes) override { crc_ = function(bytes, crc_); }
  std::string digest() const override { return big_endian(crc_); }

 private:
  Word crc_ = 0;
};

struct ContextDelete {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using ContextPointer = std::unique_ptr<EVP_MD_CTX, ContextDelete>;

// Fetched once: otherwise OpenSSL 3 looks the algorithm up under a lock at every use.
const EVP_MD* fetched(ChecksumAlgorithm algorithm) {
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  static const EVP_MD* const sha512 = EVP_MD_fetch(nullptr, "SHA512", nullptr);
  static const EVP_MD* const md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  switch (algorithm) {
    case ChecksumAlgorithm::sha1:
      return sha1;
    case ChecksumAlgorithm::sha256:
      return sha256;
    case ChecksumAlgorithm::sha512:
      return sha512;
    default:
      return md5;
  }
}

class OpensslChecksum final : public Checksum {
 public:
  explicit OpensslChecksum(ChecksumAlgorithm algorithm) : context_(EVP_MD_CTX_new()) {
    const EVP_MD* type = fetched(algorithm);
    if (!context_ || !type || EVP_DigestInit_ex(context_.get(), type, nullptr) != 1) std::abort();
  }
  void update(std::string_view bytes) override {
    if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) std::abort();
  }
  std::string digest() const override {
    ContextPointer copy(EVP_MD_CTX_new());
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (!copy || EVP_MD_CTX_copy_ex(copy.get(), context_.get()) != 1 ||
        EVP_DigestFinal_ex(copy.get(), bytes, &size) != 1)
      std::abort();
    return std::string(reinterpret_cast<char*>(bytes), size);
  }

 private:
  ContextPointer context_;
};

class Xxhash64Checksum final : public Checksum {
 public:
  Xxhash64Checksum() : state_(XXH64_createState()) {
    if (!state_ || XXH64_reset(state_, 0) != XXH_OK) std::abort();
  }
  ~Xxhash64Checksum() override { XXH64_freeState(state_); }
  Xxhash64Checksum(const Xxhash64Checksum&) = delete;
  Xxhash64Checksum& operator=(const Xxhash64Checksum&) = delete;
  void update(std::string_view bytes) override {
    if (XXH64_update(state_, bytes.data(), bytes.size()) != XXH_OK) std::abort();
  }
  std::string digest() const override { return big_endian(std::uint64_t(XXH64_digest(state_))); }

 private:
  XXH64_state_t* state_;
};

class Xxhash3Checksum final : public Checksum {
 public:
  explicit Xxhash3Checksum(bool wide) : state_(XXH3_createState()), wide_(wide) {
    if (!state_ || (wide ? XXH3_128bits_reset(state_) : XXH3_64bits_reset(state_)) != XXH_OK)
      std::abort();
  }
  ~Xxhash3Checksum() override { XXH3_freeState(state_); }
  Xxhash3Checksum(const Xxhash3Checksum&) = delete;
  Xxhash3Checksum& operator=(const Xxhash3Checksum&) = delete;
  void update(std::string_view bytes) override {
    auto function = wide_ ? XXH3_128bits_update : XXH3_64bits_update;
    if (function(state_, bytes.data(), bytes.size()) != XXH_OK) std::abort();
  }
  std::string digest() const override {
    if (!wide_) return big_endian(std::uint64_t(XXH3_64bits_digest(state_)));
    XXH128_hash_t hash = XXH3_128bits_digest(state_);
    return big_endian(std::uint64_t(hash.high64)) + big_endian(std::uint64_t(hash.low64));
  }

 private:
  XXH3_state_t* state_;
  bool wide_;
};

// Product of two reflected polynomials modulo `polynomial`.
template <class Word>
Word multiply(Word a, Word b, Word polynomial) {
  Word product = 0;
  for (Word bit = Word(1) << (sizeof(Word) * 8 - 1); bit != 0; bit >>= 1) {
    if (a & bit) product ^= b;
    b = b & 1 ? (b >> 1) ^ polynomial : b >> 1;
  }
  return product;
}

// first * x^(8 n) + second: the initial and final inversions cancel out.
template <class Word>
std::string combine(std::string_view first, std::string_view second, std::uint64_t size_bytes,
                    Word polynomial) {
  auto read = [](std::string_view digest) {
    Word word = 0;
    for (char c : digest) word = Word(word << 8) | static_cast<unsigned char>(c);
    return word;
  };
  Word power = Word(1) << (sizeof(Word) * 8 - 1);       // x^0
  Word square = Word(1) << (sizeof(Word) * 8 - 1 - 8);  // x^8
  for (std::uint64_t n = size_bytes; n != 0; n >>= 1) {
    if (n & 1) power = multiply(power, square, polynomial);
    square = multiply(square, square, polynomial);
  }
  return big_endian(Word(multiply(power, read(first), polynomial) ^ read(second)));
}

}  // namespace

std::string_view checksum_name(ChecksumAlgorithm algorithm) { return describe(algorithm).name; }
std::string_view checksum_header(ChecksumAlgorithm algorithm) { return describe(algorithm).header; }
std::size_t checksum_size_bytes(ChecksumAlgorithm algorithm) {
  return describe(algorithm).size_bytes;
}
std::optional<ChecksumAlgorithm> checksum_by_name(std::string_view name) {
  return find_by(&Description::name, name);
}
std::optional<ChecksumAlgorithm> checksum_by_header(std::string_view header) {
  return find_by(&Description::header, header);
}

std::unique_ptr<Checksum> Checksum::make(ChecksumAlgorithm algorithm) {
  switch (algorithm) {
    case ChecksumAlgorithm::crc32:
      return std::make_unique<CrcChecksum<std::uint32_t, crc32>>();
    case ChecksumAlgorithm::crc32c:
      return std::make_unique<CrcChecksum<std::uint32_t, crc32c>>();
    case ChecksumAlgorithm::crc64nvme:
      return std::make_unique<CrcChecksum<std::uint64_t, crc64nvme>>();
    case ChecksumAlgorithm::xxhash64:
      return std::make_unique<Xxhash64Checksum>();
    case ChecksumAlgorithm::xxhash3:
      return std::make_unique<Xxhash3Checksum>(false);
    case ChecksumAlgorithm::xxhash128:
      return std::make_unique<Xxhash3Checksum>(true);
    default:
      return std::make_unique<OpensslChecksum>(algorithm);
  }
}

std::string checksum_of(ChecksumAlgorithm algorithm, std::string_view bytes) {
  std::unique_ptr<Checksum> checksum = Checksum::make(algorithm);
  checksum->update(bytes);
  return checksum->digest();
}

std::optional<std::string> combine_checksums(ChecksumAlgorithm algorithm, std::string_view first,
                                             std::string_view second,
                                             std::uint64_t second_size_bytes) {
  std::size_t size_bytes = checksum_size_bytes(algorithm);
  if (first.size() != size_bytes || second.size() != size_bytes) return std::nullopt;
  switch (algorithm) {
    case ChecksumAlgorithm::crc32:
      return combine(first, second, second_size_bytes, kCrc32Polynomial);
    case ChecksumAlgorithm::crc32c:
      return combine(first, second, second_size_bytes, kCrc32cPolynomial);
    case ChecksumAlgorithm::crc64nvme:
      return combine(first, second, second_size_bytes, kCrc64NvmePolynomial);
    default:
      return std::nullopt;
  }
}

std::uint32_t crc32(std::string_view bytes, std::uint32_t seed) {
  auto data = reinterpret_cast<const unsigned char*>(bytes.data());
  // A null pointer would ask zlib for the initial value instead.
  return bytes.empty() ? seed : std::uint32_t(::crc32_z(seed, data, bytes.size()));
}

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) {
#if defined(__x86_64__)
  if (kHasCrc32c) return crc32c_hardware(bytes, seed);
#endif
  return slice(kCrc32cTables, bytes, seed);
}

std::uint64_t crc64nvme(std::string_view bytes, std::uint64_t seed) {
#if defined(__x86_64__)
  if (kHasCarryLessProduct && bytes.size() >= kFoldedBytesMin)
    return crc64nvme_hardware(bytes, seed);
#endif
  return slice(kCrc64NvmeTables, bytes, seed);
}

}  // namespace tidemill
