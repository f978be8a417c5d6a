// Converts request bodies to matrices and predictions to response bodies, like SageMaker's XGBoost
// container.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "infer/model.h"

namespace tidemill::infer {

// Limit of a dense matrix: sparse requests could name a column far out.
inline constexpr std::size_t kMatrixBytesMax = 256u << 20;

// Differences between containers in the bodies that they accept.
struct RequestOptions {
  // For the XGBoost container: CSV's label_size must be 1 if given.
  bool label_size_must_be_one = false;
  // From XGBoost 1.4 on: refuse infinities and numbers too large for float.
  bool finite_only = false;
  // Answer an empty body with an empty one.
  bool empty_body_answered = false;
};

// Errors: "UnsupportedMediaType" 415 for an unknown content type and for a body
// that does not parse (like the container); the message names the row and column,
// counted from 1. "BadRequest" 400 for a text/libsvm row that names a column
// beyond the model's. feature_count: the model's; rows of text/libsvm and sparse
// records are filled up to it with missing values. An empty content type means
// text/csv.
Result<Matrix> decode_rows(std::string_view content_type, std::string_view body,
                           std::size_t feature_count, const RequestOptions& options = {});

// Whether even small bodies of the type take milliseconds (Parquet): these must not be decoded on a
// network loop.
bool decodes_slowly(std::string_view content_type);
// The most rows that a body of the type can have: a row takes a few bytes in sparse formats; in
// others each value takes a byte.
std::size_t rows_at_most(std::string_view content_type, std::size_t body_bytes,
                         std::size_t feature_count);

struct ResponseOptions {
  // For clients that accept any type; SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT.
  std::string default_accept = "text/csv";
  // SAGEMAKER_INFERENCE_OUTPUT: "predicted_label", "probabilities", ...; empty: plain scores.
  std::vector<std::string> output_keys;
  // One prediction per line (batch transform) instead of all on one line.
  bool one_per_line = false;
  // CSV has one line per row, with commas between a row's numbers: XGBoost from 1.7 on. Earlier
  // versions write all rows on one line, with brackets around a row's several numbers.
  bool csv_lines = false;
  // JSON is a plain list of scores, text/csv has no charset: XGBoost's multi-model server.
  bool plain_json = false;
};

struct EncodedResponse {
  std::string content_type;
  std::string body;
};

// In the form of the model's answer_shape() if it has one, else like SageMaker's XGBoost container.
// "NotAcceptable" 406 when `accept` names no supported type.
Result<EncodedResponse> encode_predictions(const Predictions& predictions, const Model& model,
                                           std::string_view accept, const ResponseOptions& options);

}  // namespace tidemill::infer
