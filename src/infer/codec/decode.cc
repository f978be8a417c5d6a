#include <algorithm>

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

}  // namespace

Result<Matrix> decode_rows(std::string_view content_type, std::string_view body,
                           std::size_t feature_count) {
  const RowFormat format = row_format(content_type);
  if (format == RowFormat::unknown)
    return fail(kUnsupported,
                "Content-type " + media_type(content_type) +
                    " is not supported. Supported are text/csv, text/libsvm, application/json, "
                    "application/jsonlines, application/x-npy, application/x-parquet and "
                    "application/x-recordio-protobuf.",
                415);
  Result<Matrix> matrix = parse(format, body, feature_count);
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
