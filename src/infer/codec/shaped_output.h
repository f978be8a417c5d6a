// Answers of models whose container names its numbers otherwise than XGBoost's (AnswerShape).
#pragma once

#include <string>

#include "infer/model.h"

namespace tidemill::infer {

// type: "text/csv", "application/json" or "application/jsonlines". Fields whose columns the
// predictions do not have are left out.
std::string encode_shaped(const Predictions& predictions, const AnswerShape& shape,
                          const std::string& type);

}  // namespace tidemill::infer
