#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "infer/codec/codec.h"
#include "infer/codec/media_type.h"
#include "infer/codec/parquet_rows.h"
#include "infer/codec/recordio.h"
#include "infer/codec/text_rows.h"

namespace tidemill::infer {
namespace {

constexpr const char* kUnsupported = "UnsupportedMediaType";

Result<Matrix> parse(RowFormat format, std::string_view body, std::size_t feature_count) {
  switch (format) {
    case RowFormat::csv:
      return parse_csv(body);
    case RowFormat::json:
      return parse_json_rows(body);
    case RowFormat::json_lines:
      return parse_json_lines(body);
    case RowFormat::libsvm:
      return parse_libsvm(body, feature_count);
    case RowFormat::npy:
      return parse_npy(body, feature_count);
    case RowFormat::parquet:
      return parse_parquet(body);
    case RowFormat::recordio:
      return parse_recordio(body, feature_count);
    case RowFormat::unknown:
      break;
  }
  return Matrix{};
}

// Reports infinities by position; few rows have any, so it searches for the first one last.
Result<void> check_finite(const Matrix& matrix) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  bool infinite = false;
  for (const float value : matrix.values) infinite |= std::abs(value) > kLargest;
  if (!infinite) return {};
  const auto found = std::find_if(matrix.values.begin(), matrix.values.end(),
                                  [](float value) { return std::abs(value) > kLargest; });
  const auto at = static_cast<std::size_t>(found - matrix.values.begin());
  return fail(codes::kInvalid, "row " + std::to_string(at / matrix.columns + 1) + ", column " +
                                   std::to_string(at % matrix.columns + 1) +
                                   ": the value is infinite or too large for a float");
}

// Taking a label for a feature, or a feature for a label, would give a wrong number.
Result<void> check_label_size(std::string_view content_type) {
  const std::optional<std::string> size = media_parameter(content_type, "label_size");
  if (!size || *size == "1") return {};
  return fail(kUnsupported,
              std::string(content_type) +
                  " is not an accepted csv ContentType. Optional parameter label_size must be "
                  "equal to 1",
              415);
}

}  // namespace

Result<Matrix> decode_rows(std::string_view content_type, std::string_view body,
                           std::size_t feature_count, const RequestOptions& options) {
  const RowFormat format = row_format(content_type);
  if (options.label_size_must_be_one && format == RowFormat::csv)
    TRY(check_label_size(content_type));
  if (format == RowFormat::unknown)
    return fail(kUnsupported,
                "Content-type " + media_type(content_type) +
                    " is not supported. Supported are text/csv, text/libsvm, application/json, "
                    "application/jsonlines, application/x-npy, application/x-parquet and "
                    "application/x-recordio-protobuf.",
                415);
  Result<Matrix> matrix = parse(format, body, feature_count);
  if (!matrix && matrix.error().http_status == 400) return matrix;
  if (matrix && options.finite_only)
    if (Result<void> finite = check_finite(*matrix); !finite) matrix = fail(finite.error());
  if (!matrix) {
    const std::string type = media_type(content_type);
    return fail(
        kUnsupported,
        "Loading " + (type.empty() ? "text/csv" : type) + " data failed: " + matrix.error().message,
        415);
  }
  return matrix;
}

std::size_t rows_at_most(std::string_view content_type, std::size_t body_bytes,
                         std::size_t feature_count) {
  const RowFormat format = row_format(content_type);
  const bool sparse = format == RowFormat::libsvm || format == RowFormat::recordio;
  return 1 + body_bytes / std::max<std::size_t>(sparse ? 2 : feature_count, 1);
}

bool decodes_slowly(std::string_view content_type) {
  return row_format(content_type) == RowFormat::parquet;
}

}  // namespace tidemill::infer
