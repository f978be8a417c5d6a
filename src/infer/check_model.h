// `tidemill check-model DIRECTORY [combine]`: loads a model in a process of its own before the
// server does. XGBoost trusts the bytes of a model; damaged ones can end the process that reads
// them.
#pragma once

#include <string>

#include "infer/model.h"

namespace tidemill::infer {

inline constexpr const char* kCombineWord = "combine";  // the options as a second argument

// 0 when the model loads and predicts. 1, and the reason on standard output, when it says that it
// does not. Else the process ends by a signal.
int check_model_main(const std::string& directory, const LoadOptions& options);

}  // namespace tidemill::infer
