// ONNX models of the classic kinds: trees, linear models and pipelines around them. ONNX Runtime
// serves neural models.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "infer/model.h"

namespace tidemill::infer::onnx_ml {

// Whether a file may be one: it begins with a serialized ModelProto's first fields.
bool looks_like_model(std::string_view head);

// Probabilities of two classes are answered like XGBoost's binary:logistic, with the second one;
// other outputs unchanged. Tidemill.Invalid names the operator, input or output that is not
// supported here.
Result<std::unique_ptr<Model>> load_model(std::string_view bytes);

// Whether load_model() would accept the file. If not, the error gives the reason (an unknown
// operator, or products of matrices that are too large here) and ONNX Runtime is needed.
Result<void> supported(const std::string& path);

}  // namespace tidemill::infer::onnx_ml
