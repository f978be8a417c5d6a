#include <algorithm>
#include <limits>

#include "infer/codec/number.h"
#include "infer/codec/text_rows.h"

namespace tidemill::infer {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t kQuotedFieldMax = 60;  // bytes of a bad field that a message shows
// Up to here, reserve for rows of one-digit fields; beyond, the first row gives the size.
constexpr std::size_t kSmallBodyBytes = 4096;

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

// A field that is empty, quoted or surrounded by blanks; false when it is not a number.
bool parse_odd_field(std::string_view field, float& value) {
  field = trim(field);
  if (field.empty()) {
    value = kMissing;
    return true;
  }
  const char* end = field.data() + field.size();
  return parse_number(field.data(), end, false, value) == end;
}

std::unexpected<Error> bad_field(std::size_t row, std::size_t column, std::string_view field) {
  std::string shown(trim(field).substr(0, kQuotedFieldMax));
  return fail(codes::kInvalid, "row " + std::to_string(row) + ", column " + std::to_string(column) +
                                   ": '" + shown + "' is not a number");
}

class CsvReader {
 public:
  CsvReader(std::string_view text, char delimiter)
      : at_(text.data()), end_(text.data() + text.size()), delimiter_(delimiter) {}

  bool at_end() const { return at_ == end_; }
  std::size_t bytes_left() const { return static_cast<std::size_t>(end_ - at_); }

  bool skip_empty_line() {
    const char* next = at_;
    if (next != end_ && *next == '\r') ++next;
    if (next != end_ && *next != '\n') return false;
    at_ = next == end_ ? next : next + 1;
    return true;
  }

  // Appends one line's fields and moves to the next line; returns the number of fields.
  Result<std::size_t> read_line(std::size_t row, std::vector<float>& values) {
    for (std::size_t column = 1;; ++column) {
      float value = kMissing;
      if (at_ == end_ || *at_ != delimiter_) {
        const char* stop = parse_number(at_, end_, false, value);
        if (stop == nullptr || (stop != end_ && *stop != delimiter_ && *stop != '\n')) {
          stop = field_end();
          std::string_view field(at_, static_cast<std::size_t>(stop - at_));
          const bool last = stop == end_ || *stop == '\n';
          if (last && field.ends_with('\r')) field.remove_suffix(1);
          if (!parse_odd_field(field, value)) return bad_field(row, column, field);
        }
        at_ = stop;
      }
      values.push_back(value);
      if (at_ == end_) return column;
      if (*at_++ == '\n') return column;
    }
  }

 private:
  const char* field_end() const {
    return std::find_if(at_, end_,
                        [&](char letter) { return letter == delimiter_ || letter == '\n'; });
  }

  const char* at_;
  const char* end_;
  char delimiter_;
};

}  // namespace

Result<Matrix> parse_csv(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  Matrix matrix;
  CsvReader reader(text, find_delimiter(text.substr(0, text.find('\n'))));
  if (text.size() <= kSmallBodyBytes) matrix.values.reserve(text.size() / 2 + 1);
  for (std::size_t row = 1; !reader.at_end(); ++row) {
    if (reader.skip_empty_line()) continue;
    const std::size_t before = reader.bytes_left();
    const std::size_t columns = TRY(reader.read_line(row, matrix.values));
    if (matrix.rows == 0) {
      matrix.columns = columns;
      const std::size_t alike = reader.bytes_left() / (before - reader.bytes_left());
      if (text.size() > kSmallBodyBytes) matrix.values.reserve((alike + alike / 16 + 2) * columns);
    }
    if (columns != matrix.columns)
      return fail(codes::kInvalid,
                  "row " + std::to_string(row) + " has " + std::to_string(columns) +
                      " columns, but the rows before have " + std::to_string(matrix.columns));
    ++matrix.rows;
  }
  return matrix;
}

}  // namespace tidemill::infer
