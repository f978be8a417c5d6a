#include <algorithm>

#include "infer/codec/codec.h"
#include "infer/codec/media_type.h"
#include "infer/codec/number_text.h"
#include "infer/codec/recordio.h"
#include "infer/codec/selected_output.h"
#include "infer/codec/shaped_output.h"

namespace tidemill::infer {
namespace {

constexpr std::size_t kNumberBytes = 24;  // at most, of the shortest text of a double

// "0.5", or "[0.1, 0.9]" for several numbers per row.
void append_prediction(const Predictions& predictions, std::size_t row, std::string& out) {
  const float* values = predictions.values.data() + row * predictions.columns;
  if (predictions.columns == 1) return append_number(values[0], out);
  out += '[';
  for (std::size_t column = 0; column < predictions.columns; ++column) {
    if (column) out += ", ";
    append_number(values[column], out);
  }
  out += ']';
}

void encode_scores_csv(const Predictions& predictions, bool one_per_line, std::string& out) {
  for (std::size_t row = 0; row < predictions.rows; ++row) {
    if (row && !one_per_line) out += ',';
    append_prediction(predictions, row, out);
    if (one_per_line) out += '\n';
  }
}

// One line per row, like numpy.savetxt.
void encode_lines_csv(const Predictions& predictions, std::string& out) {
  const float* value = predictions.values.data();
  for (std::size_t row = 0; row < predictions.rows; ++row)
    for (std::size_t column = 0; column < predictions.columns; ++column) {
      append_number(*value++, out);
      out += column + 1 < predictions.columns ? ',' : '\n';
    }
}

void encode_plain_json(const Predictions& predictions, std::string& out) {
  out += '[';
  for (std::size_t row = 0; row < predictions.rows; ++row) {
    if (row) out += ", ";
    append_prediction(predictions, row, out);
  }
  out += ']';
}

void encode_scores_json(const Predictions& predictions, bool lines, std::string& out) {
  if (!lines) out += "{\"predictions\": [";
  for (std::size_t row = 0; row < predictions.rows; ++row) {
    if (row && !lines) out += ", ";
    out += "{\"score\": ";
    append_prediction(predictions, row, out);
    out += lines ? "}\n" : "}";
  }
  if (!lines) out += "]}";
}

void encode_scores_recordio(const Predictions& predictions, std::string& out) {
  for (std::size_t row = 0; row < predictions.rows; ++row) {
    const NamedNumbers score{
        "score", {predictions.values.data() + row * predictions.columns, predictions.columns}};
    append_record({&score, 1}, out);
  }
}

// The XGBoost container also sends a charset with plain scores: Flask adds it to text types.
const char* content_type_of(AnswerFormat format, bool named) {
  switch (format) {
    case AnswerFormat::json:
      return "application/json";
    case AnswerFormat::json_lines:
      return "application/jsonlines";
    case AnswerFormat::recordio:
      return "application/x-recordio-protobuf";
    default:
      return named ? "text/csv" : "text/csv; charset=utf-8";
  }
}

std::string encode_scores(const Predictions& predictions, AnswerFormat format,
                          const ResponseOptions& options) {
  std::string out;
  out.reserve(std::min<std::size_t>(predictions.values.size(), 4096) * kNumberBytes);
  if (format == AnswerFormat::json && options.plain_json)
    encode_plain_json(predictions, out);
  else if (format == AnswerFormat::json || format == AnswerFormat::json_lines)
    encode_scores_json(predictions, format == AnswerFormat::json_lines, out);
  else if (format == AnswerFormat::recordio)
    encode_scores_recordio(predictions, out);
  else if (options.csv_lines && !options.one_per_line)
    encode_lines_csv(predictions, out);
  else
    encode_scores_csv(predictions, options.one_per_line, out);
  return out;
}

}  // namespace

Result<EncodedResponse> encode_predictions(const Predictions& predictions, const Model& model,
                                           std::string_view accept,
                                           const ResponseOptions& options) {
  const AnswerFormat format = answer_format(accept, options.default_accept);
  if (format == AnswerFormat::none)
    return fail("NotAcceptable",
                "Accept type " + std::string(accept) +
                    " is not supported. Supported are text/csv, application/json, "
                    "application/jsonlines and application/x-recordio-protobuf.",
                406);
  if (const AnswerShape* shape = model.answer_shape())
    return EncodedResponse{content_type_of(format, true),
                           encode_shaped(predictions, *shape, format)};
  if (!options.output_keys.empty()) {
    std::string body =
        TRY(encode_selected(predictions, model, format, options.output_keys, options.one_per_line));
    return EncodedResponse{content_type_of(format, true), std::move(body)};
  }
  return EncodedResponse{content_type_of(format, options.plain_json),
                         encode_scores(predictions, format, options)};
}

}  // namespace tidemill::infer
