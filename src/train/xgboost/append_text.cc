#include <algorithm>
#include <charconv>
#include <cmath>

#include "infer/codec/text_rows.h"
#include "train/xgboost/dataset.h"

namespace tidemill::train::xgboost {
namespace {

std::unexpected<Error> client_error(std::string message) {
  return fail("ClientError", std::move(message));
}

Result<void> split_columns(const std::string& name, const infer::Matrix& matrix, bool weights,
                           Dataset& out) {
  const std::size_t skipped = weights ? 2 : 1;
  const std::size_t columns = matrix.columns - skipped;
  if (out.rows > 0 && out.columns != columns)
    return client_error(name + " has " + std::to_string(columns) +
                        " features, but the files before it have " + std::to_string(out.columns));
  out.columns = columns;
  out.values.reserve(out.values.size() + matrix.rows * columns);
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    const float* values = matrix.values.data() + row * matrix.columns;
    if (!std::isfinite(values[0]))
      return client_error(name + ": row " + std::to_string(row + 1) +
                          ", column 1: the label is missing or not finite");
    out.labels.push_back(values[0]);
    if (weights) out.weights.push_back(values[1]);
    out.values.insert(out.values.end(), values + skipped, values + matrix.columns);
  }
  out.rows += matrix.rows;
  return {};
}

template <class T>
bool parse_number(std::string_view text, T& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// "label", "label:weight".
bool parse_label(std::string_view token, Dataset& out) {
  const std::size_t colon = token.find(':');
  double label = 0, weight = 1;
  if (!parse_number(token.substr(0, colon), label)) return false;
  if (colon != std::string_view::npos) {
    if (!parse_number(token.substr(colon + 1), weight)) return false;
    out.weights.resize(out.labels.size(), 1.0f);
    out.weights.push_back(static_cast<float>(weight));
  }
  out.labels.push_back(static_cast<float>(label));
  return true;
}

bool parse_entry(std::string_view token, Dataset& out) {
  const std::size_t colon = token.find(':');
  if (colon == std::string_view::npos) return false;
  std::uint32_t index = 0;
  if (token.starts_with("qid:")) {
    if (!parse_number(token.substr(colon + 1), index)) return false;
    out.query_ids.push_back(index);
    return true;
  }
  double value = 0;
  if (!parse_number(token.substr(0, colon), index) || !parse_number(token.substr(colon + 1), value))
    return false;
  out.indices.push_back(index);
  out.values.push_back(static_cast<float>(value));
  out.columns = std::max<std::size_t>(out.columns, std::size_t{index} + 1);
  return true;
}

Result<void> append_libsvm_line(const std::string& name, std::size_t line_number,
                                std::string_view line, Dataset& out) {
  std::size_t position = 0;
  while (!line.empty()) {
    const std::size_t end = line.find_first_of(" \t");
    std::string_view token = line.substr(0, end);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
    if (token.empty()) continue;
    if (token.starts_with('#')) break;
    ++position;
    const bool good = position == 1 ? parse_label(token, out) : parse_entry(token, out);
    if (!good)
      return client_error(name + ": row " + std::to_string(line_number) + ", column " +
                          std::to_string(position) + ": '" + std::string(token.substr(0, 60)) +
                          (position == 1 ? "' is not a label" : "' is not index:value"));
  }
  if (position == 0) return {};  // a comment
  out.row_starts.push_back(out.values.size());
  ++out.rows;
  return {};
}

}  // namespace

Result<void> append_csv(const std::string& name, std::string_view text, bool weights,
                        Dataset& out) {
  Result<infer::Matrix> matrix = infer::parse_csv(text);
  if (!matrix) {
    std::string hint;
    if (matrix.error().message.starts_with("row 1, ")) hint = "; the file must have no header line";
    return client_error(name + ": " + matrix.error().message + hint);
  }
  if (matrix->rows == 0) return {};
  if (matrix->columns < (weights ? 3u : 2u))
    return client_error(name + " has " + std::to_string(matrix->columns) +
                        " columns; the first is the label" +
                        (weights ? ", the second the weight" : "") + ", the others are features");
  return split_columns(name, *matrix, weights, out);
}

Result<void> append_libsvm(const std::string& name, std::string_view text, Dataset& out) {
  if (out.row_starts.empty()) out.row_starts.push_back(0);
  std::size_t line_number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++line_number;
    if (!line.empty()) TRY(append_libsvm_line(name, line_number, line, out));
  }
  if (!out.weights.empty()) out.weights.resize(out.rows, 1.0f);
  if (!out.query_ids.empty() && out.query_ids.size() != out.rows)
    return client_error(name + ": some rows have a qid and some have none");
  return {};
}

}  // namespace tidemill::train::xgboost
