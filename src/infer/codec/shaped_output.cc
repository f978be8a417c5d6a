#include "infer/codec/shaped_output.h"

#include <cmath>

#include "base/json.h"
#include "infer/codec/number_text.h"
#include "infer/codec/recordio.h"

namespace tidemill::infer {
namespace {

void append_field_number(float value, bool whole, std::string& out) {
  constexpr float kLabelMax = 1e15f;
  if (whole && std::abs(value) < kLabelMax)
    out += std::to_string(static_cast<long long>(value));
  else
    append_number(value, out);
}

void append_field(const float* row, const AnswerField& field, std::string_view separator,
                  std::string& out) {
  for (std::size_t i = 0; i < field.columns; ++i) {
    if (i) out += separator;
    append_field_number(row[field.first_column + i], field.whole, out);
  }
}

void append_object(const float* row, const Predictions& predictions, const AnswerShape& shape,
                   std::string& out) {
  out += '{';
  bool first = true;
  for (const AnswerField& field : shape.fields) {
    if (field.first_column + field.columns > predictions.columns) continue;
    if (!first) out += ", ";
    first = false;
    write_json_string(field.name, out);
    const bool list = field.list || field.columns > 1;
    out += list ? ": [" : ": ";
    append_field(row, field, ", ", out);
    if (list) out += ']';
  }
  out += '}';
}

void append_csv(const float* row, const Predictions& predictions, const AnswerShape& shape,
                std::string& out) {
  bool first = true;
  for (const AnswerField& field : shape.fields) {
    if (field.first_column + field.columns > predictions.columns) continue;
    if (!first) out += ',';
    first = false;
    append_field(row, field, ",", out);
  }
}

// One record per row: the algorithms' application/x-recordio-protobuf answers.
void append_labels(const float* row, const Predictions& predictions, const AnswerShape& shape,
                   std::string& out) {
  std::vector<NamedNumbers> labels;
  for (const AnswerField& field : shape.fields)
    if (field.first_column + field.columns <= predictions.columns)
      labels.push_back({field.name, {row + field.first_column, field.columns}});
  append_record(labels, out);
}

}  // namespace

std::string encode_shaped(const Predictions& predictions, const AnswerShape& shape,
                          AnswerFormat format) {
  std::string out;
  const bool document = format == AnswerFormat::json;
  if (document) {
    out += '{';
    write_json_string(shape.rows_name, out);
    out += ": [";
  }
  for (std::size_t at = 0; at < predictions.rows; ++at) {
    const float* row = predictions.values.data() + at * predictions.columns;
    if (document && at) out += ", ";
    if (format == AnswerFormat::recordio) {
      append_labels(row, predictions, shape, out);
      continue;
    }
    if (format == AnswerFormat::csv)
      append_csv(row, predictions, shape, out);
    else
      append_object(row, predictions, shape, out);
    if (!document) out += '\n';
  }
  if (document) out += "]}";
  return out;
}

}  // namespace tidemill::infer
