// How CatBoost knows a category: the low half of CityHash64 (version 1.0) of its text.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidemill::infer::catboost {

inline constexpr std::size_t kHashedBytesMax = 8;

// text: 1 to kHashedBytesMax bytes, as small whole numbers are; CityHash has other rules for
// longer.
std::uint32_t hash_category(std::string_view text);

}  // namespace tidemill::infer::catboost
