// Request bodies to matrices and predictions to response bodies, as SageMaker's XGBoost container
// understands and answers them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "infer/model.h"

namespace tidemill::infer {

// A dense matrix larger than this is refused: sparse requests could name a column far out.
inline constexpr std::size_t kMatrixBytesMax = 256u << 20;

// Where containers differ in the bodies they take.
struct RequestOptions {
  // The XGBoost container's: CSV's label_size must be 1 where it is given.
  bool label_size_must_be_one = false;
  // From XGBoost 1.4 on: an infinity, and what is too large for float, is refused.
  bool finite_only = false;
  // An empty body is answered by an empty one.
  bool empty_body_answered = false;
};

// Errors: "UnsupportedMediaType" 415 for an unknown content type and for a body that does not parse
// (what the container answers); the message names the row and column, counted from 1.
// "BadRequest" 400 for a text/libsvm row that names a column beyond the model's.
// feature_count: of the model; rows of text/libsvm and sparse records are filled up to it with
// missing values.
// An empty content type is text/csv.
Result<Matrix> decode_rows(std::string_view content_type, std::string_view body,
                           std::size_t feature_count, const RequestOptions& options = {});

// Whether bodies of the type take milliseconds however small they are (Parquet): not for a network
// loop.
bool decodes_slowly(std::string_view content_type);
// Rows that a body of the type can have: a few bytes are a row of a sparse format, a byte is a
// value of the others.
std::size_t rows_at_most(std::string_view content_type, std::size_t body_bytes,
                         std::size_t feature_count);

struct ResponseOptions {
  // When the client accepts anything; SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT.
  std::string default_accept = "text/csv";
  // SAGEMAKER_INFERENCE_OUTPUT: "predicted_label", "probabilities", ...; empty: plain scores.
  std::vector<std::string> output_keys;
  // One prediction a line (batch transform) instead of all on one line.
  bool one_per_line = false;
  // CSV has a line a row, with commas between the numbers of a row: XGBoost from 1.7 on. Before,
  // all rows are on one line, and several numbers of a row in brackets.
  bool csv_lines = false;
  // JSON is a plain list of scores, and text/csv has no charset: XGBoost's multi-model server.
  bool plain_json = false;
};

struct EncodedResponse {
  std::string content_type;
  std::string body;
};

// In the model's own words where it has an answer_shape(), else as SageMaker's XGBoost container.
// "NotAcceptable" 406 when `accept` names no supported type.
Result<EncodedResponse> encode_predictions(const Predictions& predictions, const Model& model,
                                           std::string_view accept, const ResponseOptions& options);

}  // namespace tidemill::infer
