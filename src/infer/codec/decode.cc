#include "infer/codec/codec.h"
#include "infer/codec/media_type.h"
#include "infer/codec/text_rows.h"

namespace tidemill::infer {

Result<Matrix> decode_rows(std::string_view content_type, std::string_view body,
                           std::size_t feature_count) {
  const std::string type = media_type(content_type);
  Result<Matrix> matrix;
  if (type.empty() || type == "text/csv")
    matrix = parse_csv(body);
  else if (type == "application/json")
    matrix = parse_json_rows(body);
  else if (type == "application/jsonlines" || type == "application/x-jsonlines" ||
           type == "application/jsonl")
    matrix = parse_json_lines(body);
  else if (type == "application/x-npy")
    matrix = parse_npy(body, feature_count);
  else if (type == "text/libsvm" || type == "text/x-libsvm")
    matrix = parse_libsvm(body, feature_count);
  else
    return fail("UnsupportedMediaType",
                "Content-type " + type +
                    " is not supported. Supported are text/csv, text/libsvm, "
                    "application/json, application/jsonlines and application/x-npy.",
                415);
  if (!matrix)
    return fail(
        "UnsupportedMediaType",
        "Loading " + (type.empty() ? "text/csv" : type) + " data failed: " + matrix.error().message,
        415);
  return matrix;
}

}  // namespace tidemill::infer
