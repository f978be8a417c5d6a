#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

#include "infer/codec/codec.h"
#include "infer/codec/number.h"
#include "infer/codec/text_rows.h"

namespace tidemill::infer {
namespace {

constexpr std::size_t kEntriesReserved = 1024;
constexpr std::size_t kQuotedTokenMax = 60;  // bytes of a bad entry that a message shows

struct Entry {
  std::size_t row;
  std::uint32_t column;
  float value;
};

// "7:0.5"; false for anything else.
bool parse_entry(std::string_view token, Entry& entry) {
  std::size_t colon = token.find(':');
  const char* end = token.data() + token.size();
  auto [index_end, index_error] = std::from_chars(token.data(), token.data() + colon, entry.column);
  if (index_error != std::errc() || index_end != token.data() + colon) return false;
  return parse_number(token.data() + colon + 1, end, false, entry.value) == end;
}

// The entry at `at` if a blank or the end follows it; null when it needs a closer look.
const char* quick_entry(const char* at, const char* end, Entry& entry) {
  std::uint64_t column = 0;
  const char* first = at;
  at = number_detail::take_digits(at, end, column);
  constexpr std::ptrdiff_t kDigitsMax = 9;  // that surely fit 32 bits
  if (at == first || at - first > kDigitsMax || at == end || *at != ':') return nullptr;
  entry.column = static_cast<std::uint32_t>(column);
  at = parse_number(at + 1, end, false, entry.value);
  return at != nullptr && (at == end || *at == ' ' || *at == '\t') ? at : nullptr;
}

Result<std::size_t> parse_line(std::string_view line, std::size_t line_number, std::size_t row,
                               std::vector<Entry>& entries) {
  std::size_t columns = 0, position = 0;
  while (!line.empty()) {
    Entry quick{row, 0, 0};
    if (const char* stop = quick_entry(line.data(), line.data() + line.size(), quick)) {
      line.remove_prefix(static_cast<std::size_t>(stop - line.data()));
      if (!line.empty()) line.remove_prefix(1);
      ++position;
      entries.push_back(quick);
      columns = std::max<std::size_t>(columns, quick.column + std::size_t{1});
      continue;
    }
    std::size_t end = line.find_first_of(" \t");
    std::string_view token = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    if (token.empty()) continue;
    ++position;
    if (token.starts_with('#')) break;
    if (token.find(':') == std::string_view::npos) {
      if (position == 1) continue;  // a label, which requests may contain
      return fail(codes::kInvalid, "row " + std::to_string(line_number) + ", entry " +
                                       std::to_string(position) + ": '" +
                                       std::string(token.substr(0, kQuotedTokenMax)) +
                                       "' is not index:value");
    }
    if (token.starts_with("qid:")) continue;
    Entry entry{row, 0, 0};
    if (!parse_entry(token, entry))
      return fail(codes::kInvalid, "row " + std::to_string(line_number) + ", entry " +
                                       std::to_string(position) + ": '" +
                                       std::string(token.substr(0, kQuotedTokenMax)) +
                                       "' is not index:value");
    entries.push_back(entry);
    columns = std::max<std::size_t>(columns, entry.column + std::size_t{1});
  }
  return columns;
}

}  // namespace

Result<Matrix> parse_libsvm(std::string_view text, std::size_t columns_min) {
  Matrix matrix;
  matrix.columns = columns_min;
  std::vector<Entry> entries;
  entries.reserve(std::min(text.size() / 4, kEntriesReserved));
  std::size_t line_number = 0, widest_line = 0;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++line_number;
    if (line.empty()) continue;
    std::size_t columns = TRY(parse_line(line, line_number, matrix.rows, entries));
    if (columns > matrix.columns) widest_line = line_number;
    matrix.columns = std::max(matrix.columns, columns);
    ++matrix.rows;
  }
  if (columns_min != 0 && matrix.columns > columns_min)
    return fail("BadRequest",
                "row " + std::to_string(widest_line) + " names the column " +
                    std::to_string(matrix.columns - 1) + ", but the model's columns are 0 to " +
                    std::to_string(columns_min - 1),
                400);
  if (matrix.columns != 0 && matrix.rows > kMatrixBytesMax / sizeof(float) / matrix.columns)
    return fail(codes::kInvalid,
                "the rows are too many and too wide: " + std::to_string(matrix.rows) + " times " +
                    std::to_string(matrix.columns) + " values");
  matrix.values.assign(matrix.rows * matrix.columns, std::numeric_limits<float>::quiet_NaN());
  for (const Entry& entry : entries)
    matrix.values[entry.row * matrix.columns + entry.column] = entry.value;
  return matrix;
}

}  // namespace tidemill::infer
