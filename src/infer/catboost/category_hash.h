// CatBoost's hash of a category: the low half of CityHash64 (version 1.0) of its text.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidemill::infer::catboost {

inline constexpr std::size_t kHashedBytesMax = 8;

// text: 1 to kHashedBytesMax bytes, enough for small whole numbers; CityHash has other rules for
// longer texts.
std::uint32_t hash_category(std::string_view text);

}  // namespace tidemill::infer::catboost
