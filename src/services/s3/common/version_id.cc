#include "services/s3/common/version_id.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "services/s3/common/errors.h"

namespace tidemill::services::s3 {

namespace {
constexpr std::size_t kSequenceLength = 16;
constexpr std::size_t kRandomLength = 16;
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
}  // namespace

std::string make_version_id(std::uint64_t sequence, Random& random) {
  char digits[kSequenceLength + 1];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(~sequence));
  return digits + make_token(random, kRandomLength, kAlphabet);
}

std::optional<std::uint64_t> sequence_of_version_id(std::string_view version_id) {
  if (version_id.size() != kSequenceLength + kRandomLength) return std::nullopt;
  const char* end = version_id.data() + kSequenceLength;
  std::uint64_t inverted = 0;
  auto [stopped, error] = std::from_chars(version_id.data(), end, inverted, 16);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return ~inverted;
}

Result<void> check_version_id(const std::optional<std::string>& version_id) {
  if (!version_id || *version_id == kNullVersion) return {};
  const bool possible =
      version_id->size() == kSequenceLength + kRandomLength &&
      std::ranges::all_of(*version_id, [](char c) { return kAlphabet.contains(c); });
  if (possible) return {};
  return fail(invalid_argument("Invalid version id specified", "versionId", *version_id));
}

}  // namespace tidemill::services::s3
