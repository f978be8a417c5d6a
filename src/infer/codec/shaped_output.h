// Answers of models whose container names its numbers differently from XGBoost's (AnswerShape).
#pragma once

#include <string>

#include "infer/codec/media_type.h"
#include "infer/model.h"

namespace tidemill::infer {

// Fields without columns in the predictions are left out.
std::string encode_shaped(const Predictions& predictions, const AnswerShape& shape,
                          AnswerFormat format);

}  // namespace tidemill::infer
