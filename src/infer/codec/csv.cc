#include <charconv>
#include <limits>

#include "infer/codec/text_rows.h"

namespace tidemill::infer {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kQuotedFieldMax = 60;  // bytes of a bad field that a message shows

char find_delimiter(std::string_view first_line) {
  for (char delimiter : {',', '\t', ';', ' '})
    if (first_line.find(delimiter) != std::string_view::npos) return delimiter;
  return ',';
}

std::string_view trim(std::string_view field) {
  while (!field.empty() && (field.front() == ' ' || field.front() == '\t')) field.remove_prefix(1);
  while (!field.empty() && (field.back() == ' ' || field.back() == '\t')) field.remove_suffix(1);
  if (field.size() >= 2 && field.front() == '"' && field.back() == '"')
    field = field.substr(1, field.size() - 2);
  return field;
}

// False when the field is no number.
bool parse_field(std::string_view field, float& value) {
  const char* begin = field.data();
  const char* end = begin + field.size();
  if (begin != end && *begin == '+') ++begin;
  auto [stop, error] = std::from_chars(begin, end, value);
  if (error == std::errc() && stop == end) [[likely]]
    return true;
  field = trim(field);
  if (field.empty()) {
    value = kMissing;
    return true;
  }
  begin = field.data();
  end = begin + field.size();
  if (*begin == '+') ++begin;
  // Through double: a number below the smallest float is zero, not an error.
  double wide = 0;
  auto [wide_stop, wide_error] = std::from_chars(begin, end, wide);
  if (wide_error != std::errc() || wide_stop != end) return false;
  value = static_cast<float>(wide);
  return true;
}

std::unexpected<Error> bad_field(std::size_t row, std::size_t column, std::string_view field) {
  std::string shown(trim(field).substr(0, kQuotedFieldMax));
  return fail(codes::kInvalid, "row " + std::to_string(row) + ", column " + std::to_string(column) +
                                   ": '" + shown + "' is not a number");
}

// Appends one line's fields; how many there were.
Result<std::size_t> parse_line(std::string_view line, char delimiter, std::size_t row,
                               std::vector<float>& values) {
  std::size_t column = 0;
  for (;;) {
    std::size_t end = line.find(delimiter);
    std::string_view field = line.substr(0, end);
    ++column;
    float value = 0;
    if (!parse_field(field, value)) return bad_field(row, column, field);
    values.push_back(value);
    if (end == std::string_view::npos) return column;
    line.remove_prefix(end + 1);
  }
}

}  // namespace

Result<Matrix> parse_csv(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Matrix matrix;
  const char delimiter = find_delimiter(text.substr(0, text.find('\n')));
  matrix.values.reserve(text.size() / 6);
  std::size_t row = 0;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++row;
    if (line.empty()) continue;
    std::size_t columns = TRY(parse_line(line, delimiter, row, matrix.values));
    if (matrix.rows == 0) matrix.columns = columns;
    if (columns != matrix.columns)
      return fail(codes::kInvalid,
                  "row " + std::to_string(row) + " has " + std::to_string(columns) +
                      " columns, but the rows before have " + std::to_string(matrix.columns));
    ++matrix.rows;
  }
  return matrix;
}

}  // namespace tidemill::infer
