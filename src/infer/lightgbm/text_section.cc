#include "infer/lightgbm/text_section.h"

namespace tidemill::infer::lightgbm {

void TextSection::add(std::string_view line) {
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos)
    entries_.emplace_back(line, std::string_view());
  else
    entries_.emplace_back(line.substr(0, equals), line.substr(equals + 1));
}

bool TextSection::has(std::string_view key) const {
  for (const auto& [name, value] : entries_)
    if (name == key) return true;
  return false;
}

std::string_view TextSection::text(std::string_view key) const {
  for (const auto& [name, value] : entries_)
    if (name == key) return value;
  return {};
}

Result<std::size_t> TextSection::count(std::string_view key, std::size_t count_max) const {
  const std::vector<std::size_t> found = TRY(numbers<std::size_t>(key, 1));
  if (found[0] > count_max)
    return fail(codes::kInvalid, std::string(key) + " is " + std::to_string(found[0]) +
                                     ", at most " + std::to_string(count_max) + " are read");
  return found[0];
}

namespace detail {

std::string_view next_word(std::string_view& text) {
  const std::size_t start = text.find_first_not_of(" \t");
  if (start == std::string_view::npos) return text = {};
  const std::size_t end = std::min(text.find_first_of(" \t", start), text.size());
  std::string_view word = text.substr(start, end - start);
  text.remove_prefix(end);
  return word;
}

bool parse_number(std::string_view word, double& out) {
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), out);
  if (end != word.data() + word.size()) return false;
  if (error == std::errc::result_out_of_range)
    out = std::strtod(std::string(word).c_str(), nullptr);
  return error == std::errc() || error == std::errc::result_out_of_range;
}

}  // namespace detail
}  // namespace tidemill::infer::lightgbm
