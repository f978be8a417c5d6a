#include "infer/catboost/category_hash.h"

#include <cstring>

namespace tidemill::infer::catboost {
namespace {

// The constants of CityHash 1.0 (Pike and Alakuijala).
constexpr std::uint64_t kSecond = 0x9ae16a3b2f90404f;
constexpr std::uint64_t kThird = 0xc949d7c7509e6557;
constexpr std::uint64_t kMultiplier = 0x9ddfea08eb382d69;

std::uint64_t fold(std::uint64_t value) { return value ^ value >> 47; }

std::uint64_t combine(std::uint64_t low, std::uint64_t high) {
  const std::uint64_t first = fold((low ^ high) * kMultiplier);
  return fold((high ^ first) * kMultiplier) * kMultiplier;
}

}  // namespace

std::uint32_t hash_category(std::string_view text) {
  const std::uint64_t length = text.size();
  if (length >= 4) {
    std::uint32_t head, tail;
    std::memcpy(&head, text.data(), sizeof head);
    std::memcpy(&tail, text.data() + length - sizeof tail, sizeof tail);
    return static_cast<std::uint32_t>(combine(length + (std::uint64_t{head} << 3), tail));
  }
  auto byte = [&](std::uint64_t at) { return std::uint64_t{static_cast<unsigned char>(text[at])}; };
  const std::uint64_t front = byte(0) + (byte(length >> 1) << 8);
  const std::uint64_t back = length + (byte(length - 1) << 2);
  return static_cast<std::uint32_t>(fold(front * kSecond ^ back * kThird) * kSecond);
}

}  // namespace tidemill::infer::catboost
