#include "store/position_key.h"

#include <fmt/format.h>

#include <charconv>

namespace tidemill::store {

namespace {
constexpr std::size_t kDigits = 16;
}

std::string position_key(std::uint64_t position) { return fmt::format("{:016x}", position); }

std::optional<std::uint64_t> position_of(std::string_view key) {
  std::uint64_t position = 0;
  if (key.size() != kDigits) return std::nullopt;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), position, 16);
  if (error != std::errc() || end != key.data() + key.size()) return std::nullopt;
  return position;
}

}  // namespace tidemill::store
