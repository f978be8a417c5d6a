// application/x-recordio-protobuf: the framing and the Record messages (aialgs.data, proto2) of
// SageMaker's built-in algorithms, defined by the SageMaker Python SDK's amazon/record.proto.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "infer/model.h"

namespace tidemill::infer {

// The feature "values", or else the only one, of each record: float32, float64 or int32, dense or
// sparse (positions without a key are missing; at least `columns_min` columns). Ignores labels and
// everything else. Tidemill.Invalid names the row.
Result<Matrix> parse_recordio(std::string_view bytes, std::size_t columns_min);

struct NamedNumbers {
  std::string_view name;
  std::span<const float> values;
};
// One framed record whose labels are dense float32 tensors: the algorithms' form of answers.
void append_record(std::span<const NamedNumbers> labels, std::string& out);

}  // namespace tidemill::infer
