#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "infer/codec/codec.h"
#include "infer/codec/media_type.h"
#include "infer/codec/number_text.h"
#include "infer/codec/selected_output.h"
#include "infer/codec/shaped_output.h"

namespace tidemill::infer {
namespace {

// "0.5", or "[0.1, 0.9]" for several numbers a row.
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

std::string encode_scores_csv(const Predictions& predictions, bool one_per_line) {
  std::string out;
  for (std::size_t row = 0; row < predictions.rows; ++row) {
    if (row && !one_per_line) out += ',';
    append_prediction(predictions, row, out);
    if (one_per_line) out += '\n';
  }
  return out;
}

std::string encode_scores_json(const Predictions& predictions, bool lines) {
  std::string out = lines ? "" : "{\"predictions\": [";
  for (std::size_t row = 0; row < predictions.rows; ++row) {
    if (row && !lines) out += ", ";
    out += "{\"score\": ";
    append_prediction(predictions, row, out);
    out += lines ? "}\n" : "}";
  }
  if (!lines) out += "]}";
  return out;
}

}  // namespace

Result<EncodedResponse> encode_predictions(const Predictions& predictions, const Model& model,
                                           std::string_view accept,
                                           const ResponseOptions& options) {
  const std::string type = accepted_type(accept, options.default_accept);
  if (type.empty())
    return fail("NotAcceptable",
                "Accept type " + std::string(accept) +
                    " is not supported. Supported are text/csv, "
                    "application/json and application/jsonlines.",
                406);
  if (const AnswerShape* shape = model.answer_shape())
    return EncodedResponse{type, encode_shaped(predictions, *shape, type)};
  if (!options.output_keys.empty()) {
    std::string body = TRY(encode_selected(predictions, model, type, options.output_keys));
    return EncodedResponse{type, std::move(body)};
  }
  if (type == "application/json")
    return EncodedResponse{type, encode_scores_json(predictions, false)};
  if (type == "application/jsonlines")
    return EncodedResponse{type, encode_scores_json(predictions, true)};
  // The container says charset too: Flask adds it to text types.
  return EncodedResponse{"text/csv; charset=utf-8",
                         encode_scores_csv(predictions, options.one_per_line)};
}

}  // namespace tidemill::infer
