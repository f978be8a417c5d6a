// Keys of tables that only grow: positions that order as numbers do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidemill::store {

// 1 -> "0000000000000001".
std::string position_key(std::uint64_t position);
// nullopt: the key is no position.
std::optional<std::uint64_t> position_of(std::string_view key);

}  // namespace tidemill::store
