#include "infer/codec/json_scan.h"

#include <algorithm>
#include <limits>

#include "infer/codec/json_cursor.h"
#include "infer/codec/number.h"

namespace tidemill::infer {
namespace {

class Scanner : private JsonCursor {
 public:
  Scanner(std::string_view text, Matrix& matrix, JsonCell& place)
      : JsonCursor(text), matrix_(matrix), place_(place) {}

  bool body() {
    if (take('[')) return peek('[') || peek('{') ? instances() : numbers();
    if (!take('{')) return false;
    if (take("\"instances\"")) {
      if (!take(':') || !take('[')) return false;
      return (peek('[') || peek('{') ? instances() : numbers()) && take('}');
    }
    return features();
  }
  bool instance() {
    if (take('[')) return numbers();
    return take('{') && features();
  }
  using JsonCursor::done;

 private:
  // Each starts after its opening bracket and ends after the closing one.
  bool instances() {
    do {
      if (!instance()) return false;
    } while (take(','));
    return take(']');
  }
  bool features() {
    return take("\"features\"") && take(':') && take('[') && numbers() && take('}');
  }
  bool numbers() {
    const std::size_t before = matrix_.values.size();
    do {
      float value = 0;
      if (!cell(value)) return gave_up(before, 1);
      matrix_.values.push_back(value);
    } while (take(','));
    if (!take(']')) return gave_up(before, 0);
    const std::size_t columns = matrix_.values.size() - before;
    if (matrix_.rows == 0) {
      matrix_.columns = columns;
      reserve(columns);
    }
    ++matrix_.rows;
    return columns == matrix_.columns;
  }
  bool cell(float& value) {
    skip_blanks();
    if (const char* stop = parse_number(at(), end(), true, value)) {
      move_to(stop);
      return true;
    }
    // Also accepts Python's names for numbers that JSON does not have.
    if (take("null") || take("NaN"))
      value = std::numeric_limits<float>::quiet_NaN();
    else if (take("Infinity"))
      value = std::numeric_limits<float>::infinity();
    else if (take("-Infinity"))
      value = -std::numeric_limits<float>::infinity();
    else if (take("true"))
      value = 1.0f;
    else if (!take("false"))
      return false;
    return true;
  }

  bool gave_up(std::size_t values_before, std::size_t next) {
    place_ = {matrix_.rows + 1, matrix_.values.size() - values_before + next};
    return false;
  }

  // The other rows are probably as long as the first.
  void reserve(std::size_t columns) {
    const auto read = static_cast<std::size_t>(at() - start_);
    const std::size_t alike = static_cast<std::size_t>(end() - at()) / read;
    if (alike > 1) matrix_.values.reserve((alike + alike / 16 + 2) * columns);
  }

  const char* const start_ = at();
  Matrix& matrix_;
  JsonCell& place_;
};

bool scan(std::string_view text, Matrix& matrix, JsonCell& cell, bool (Scanner::*what)()) {
  const std::size_t rows = matrix.rows, columns = matrix.columns, size = matrix.values.size();
  Scanner scanner(text, matrix, cell);
  if ((scanner.*what)() && scanner.done()) return true;
  matrix.rows = rows;
  matrix.columns = columns;
  matrix.values.resize(size);
  return false;
}

}  // namespace

bool scan_json_rows(std::string_view text, Matrix& matrix, JsonCell& cell) {
  // Room for a row of one-digit numbers; for longer bodies the first row gives the size.
  constexpr std::size_t kSmallBodyBytes = 4096;
  matrix.values.reserve(std::min(text.size(), kSmallBodyBytes) / 2);
  return scan(text, matrix, cell, &Scanner::body);
}

bool scan_json_line(std::string_view line, Matrix& matrix, JsonCell& cell) {
  return scan(line, matrix, cell, &Scanner::instance);
}

}  // namespace tidemill::infer
