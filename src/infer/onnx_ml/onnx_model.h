// ONNX models of the classic kinds: trees, linear models and the pipelines around them. Neural
// models are ONNX Runtime's business.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "infer/model.h"

namespace tidemill::infer::onnx_ml {

// A file may be one: it has a serialized ModelProto's first fields.
bool looks_like_model(std::string_view head);

// Two classes of probabilities answer as XGBoost's binary:logistic does, with that of the second;
// other outputs as they are. Tidemill.Invalid names the operator, input or output that is not
// computed here.
Result<std::unique_ptr<Model>> load_model(std::string_view bytes);

// Whether load_model() would take the file; else the error says why, and ONNX Runtime is the one to
// ask: an operator that is not known, or products of matrices too large for this program.
Result<void> supported(const std::string& path);

}  // namespace tidemill::infer::onnx_ml
