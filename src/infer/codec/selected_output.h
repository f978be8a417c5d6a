// SageMaker's selectable inference output (SAGEMAKER_INFERENCE_OUTPUT).
#pragma once

#include <string>
#include <vector>

#include "infer/codec/media_type.h"
#include "infer/model.h"

namespace tidemill::infer {

// keys: predicted_label, labels, probability, probabilities, raw_score, raw_scores,
// predicted_score; a key that the objective does not have is written as NaN. "BadRequest" for
// objectives without selectable output and for unknown keys. last_line_ends: CSV ends with a
// newline, as in batch transform.
Result<std::string> encode_selected(const Predictions& predictions, const Model& model,
                                    AnswerFormat format, const std::vector<std::string>& keys,
                                    bool last_line_ends);

}  // namespace tidemill::infer
