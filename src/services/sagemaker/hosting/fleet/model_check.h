// Whether a model can be loaded in this process: another process tries first.
#pragma once

#include <string>

#include "base/error.h"
#include "infer/model.h"

namespace tidemill::services::sagemaker::hosting {

// Runs `<program> check-model <directory>`, with the options that the server will load it with.
// Tidemill.Invalid with the reason when the model does not load; Tidemill.Io when the check cannot
// be run.
Result<void> check_model_apart(const std::string& program, const std::string& directory,
                               const infer::LoadOptions& options = {});

}  // namespace tidemill::services::sagemaker::hosting
