#include <limits>

#include "base/json.h"
#include "infer/codec/json_scan.h"
#include "infer/codec/text_rows.h"

namespace tidemill::infer {
namespace {

// Other bodies than plain rows become a document first, of some twenty times their size.
constexpr std::size_t kDocumentBytesMax = 16u << 20;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kQuotedValueMax = 60;  // bytes of a bad value that a message shows

std::string cell(std::size_t row, std::size_t column) {
  return "row " + std::to_string(row) + ", column " + std::to_string(column);
}

std::string shown(const Value& value) {
  std::string text = write_json(value);
  if (text.size() <= kQuotedValueMax) return text;
  text.resize(kQuotedValueMax);
  return text + "...";
}

Result<Value> read_document(std::string_view text, const JsonCell& stopped) {
  const std::string where = stopped.row == 0 ? "" : cell(stopped.row, stopped.column) + ": ";
  if (text.size() > kDocumentBytesMax)
    return fail(codes::kInvalid,
                where + "JSON of more than " + std::to_string(kDocumentBytesMax >> 20) +
                    R"( MiB must be lists of numbers, alone or as "instances" or "features")");
  Result<Value> document = parse_json(text);
  if (!document) document.error().message.insert(0, where);
  return document;
}

Result<void> append_number(const Value& value, std::size_t row, std::size_t column, Matrix& out) {
  float number = std::numeric_limits<float>::quiet_NaN();
  if (const double* real = value.get_if<double>())
    number = static_cast<float>(*real);
  else if (const std::int64_t* whole = value.get_if<std::int64_t>())
    number = static_cast<float>(*whole);
  else if (const bool* truth = value.get_if<bool>())
    number = *truth ? 1.0f : 0.0f;
  else if (!value.is_null())
    return fail(codes::kInvalid, cell(row, column) + ": " + shown(value) + " is not a number");
  out.values.push_back(number);
  return {};
}

Result<void> append_row(const ValueList& row, Matrix& out) {
  ++out.rows;
  if (out.rows == 1) out.columns = row.size();
  if (row.size() != out.columns)
    return fail(codes::kInvalid,
                "row " + std::to_string(out.rows) + " has " + std::to_string(row.size()) +
                    " columns, but the rows before have " + std::to_string(out.columns));
  for (std::size_t column = 0; column < row.size(); ++column)
    TRY(append_number(row[column], out.rows, column + 1, out));
  return {};
}

// The features of one instance: [..], {"features": [..]}, or SageMaker's dense form {"data":
// {"features": {"values": [..]}}}.
const ValueList* features_of(const Value& instance) {
  if (const ValueList* list = instance.as_list()) return list;
  const Value* features = instance.find("features");
  if (!features) {
    const Value* data = instance.find("data");
    features = data ? data->find("features") : nullptr;
    if (!features) return nullptr;
  }
  if (const Value* values = features->find("values")) features = values;
  return features->as_list();
}

Result<void> append_instance(const Value& instance, Matrix& out) {
  const ValueList* features = features_of(instance);
  if (!features)
    return fail(codes::kInvalid, "row " + std::to_string(out.rows + 1) +
                                     R"( is neither a list of numbers nor {"features": [..]})");
  return append_row(*features, out);
}

// The following lines are probably as long as the first.
void reserve_for_lines(std::size_t lines, Matrix& matrix) {
  if (lines > 0) matrix.values.reserve((lines + lines / 16 + 2) * matrix.columns);
}

}  // namespace

Result<Matrix> parse_json_rows(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Matrix matrix;
  JsonCell stopped;
  if (scan_json_rows(text, matrix, stopped)) return matrix;
  Value document = TRY(read_document(text, stopped));
  const Value* instances = document.find("instances");
  if (!instances && document.as_list()) instances = &document;
  if (!instances) {
    TRY(append_instance(document, matrix));
    return matrix;
  }
  const ValueList* list = instances->as_list();
  if (!list) return fail(codes::kInvalid, R"("instances" is not a list)");
  const bool one_row = !list->empty() && !list->front().as_list() && !list->front().as_object();
  if (one_row) {
    TRY(append_row(*list, matrix));
    return matrix;
  }
  for (const Value& instance : *list) TRY(append_instance(instance, matrix));
  return matrix;
}

Result<Matrix> parse_json_lines(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Matrix matrix;
  std::size_t line_number = 0;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++line_number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    JsonCell stopped;
    if (scan_json_line(line, matrix, stopped)) {
      if (matrix.rows == 1) reserve_for_lines(text.size() / line.size(), matrix);
      continue;
    }
    Result<Value> row = read_document(line, stopped);
    if (!row)
      return fail(codes::kInvalid,
                  "line " + std::to_string(line_number) + ": " + row.error().message);
    TRY(append_instance(*row, matrix));
  }
  return matrix;
}

}  // namespace tidemill::infer
