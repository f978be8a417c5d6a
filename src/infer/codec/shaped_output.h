// Answers of models whose container names its numbers otherwise than XGBoost's (AnswerShape).
#pragma once

#include <string>

#include "infer/codec/media_type.h"
#include "infer/model.h"

namespace tidemill::infer {

// Fields whose columns the predictions do not have are left out.
std::string encode_shaped(const Predictions& predictions, const AnswerShape& shape,
                          AnswerFormat format);

}  // namespace tidemill::infer
