// `tidemill check-model DIRECTORY [combine]`: loads a model in a separate process before the
// server does. XGBoost trusts a model's bytes; damaged ones can crash the process that reads
// them.
#pragma once

#include <string>

#include "infer/model.h"

namespace tidemill::infer {

inline constexpr const char* kCombineWord = "combine";  // the options as a second argument

// 0 when the model loads and predicts. 1, with the reason on standard output, when it reports an
// error. Otherwise a signal ends the process.
int check_model_main(const std::string& directory, const LoadOptions& options);

}  // namespace tidemill::infer
