// The patterns that most members of the models have, matched by a table: RE2 costs a quarter of a
// microsecond for each of them, and every request is checked.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tidemill::services {

// A run of one class of ASCII characters, "[\w.-]{1,64}", or a word with other characters inside,
// "[a-z](-*[a-z])*".
class SimplePattern {
 public:
  // Reads an expression in RE2's syntax; nullopt if it does not have one of these forms.
  static std::optional<SimplePattern> parse(std::string_view expression);

  // Whether the whole text matches, as RE2::FullMatch says it.
  bool matches(std::string_view text) const;

 private:
  using Characters = std::bitset<256>;
  friend class SimplePatternReader;

  Characters first_, inner_, last_;
  std::size_t length_min_ = 0;
  std::size_t length_max_ = SIZE_MAX;
  // How many of the characters behind the first may be in `last_`.
  std::size_t counted_max_ = SIZE_MAX;
};

}  // namespace tidemill::services
