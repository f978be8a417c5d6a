// "key=value" lines, of which LightGBM's text models consist.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace tidemill::infer::lightgbm {

// The lines of a file's head or of one tree. Views into the file's text.
class TextSection {
 public:
  void add(std::string_view line);
  bool has(std::string_view key) const;
  // "" when there is none.
  std::string_view text(std::string_view key) const;
  Result<std::size_t> count(std::string_view key, std::size_t count_max) const;
  // Exactly `count` numbers separated by blanks. Tidemill.Invalid names the key.
  template <class T>
  Result<std::vector<T>> numbers(std::string_view key, std::size_t count) const;

 private:
  std::vector<std::pair<std::string_view, std::string_view>> entries_;
};

namespace detail {

// Removes the next word from `text` and returns it; "" at the end.
std::string_view next_word(std::string_view& text);
bool parse_number(std::string_view word, double& out);

template <class T>
bool parse_number(std::string_view word, T& out) {
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
  return error == std::errc() && end == word.data() + word.size();
}

}  // namespace detail

template <class T>
Result<std::vector<T>> TextSection::numbers(std::string_view key, std::size_t count) const {
  std::string_view rest = text(key);
  std::vector<T> out;
  // A number takes at least two bytes: reserve nothing for a count that cannot fit.
  if (count <= rest.size()) out.reserve(count);
  for (std::string_view word = detail::next_word(rest); !word.empty();
       word = detail::next_word(rest)) {
    T number{};
    if (out.size() == count || !detail::parse_number(word, number))
      return fail(codes::kInvalid, std::string(key) + ": '" + std::string(word.substr(0, 32)) +
                                       "' as number " + std::to_string(out.size() + 1) + " of " +
                                       std::to_string(count));
    out.push_back(number);
  }
  if (out.size() != count)
    return fail(codes::kInvalid, std::string(key) + " has " + std::to_string(out.size()) +
                                     " numbers, not " + std::to_string(count));
  return out;
}

}  // namespace tidemill::infer::lightgbm
