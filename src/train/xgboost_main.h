// `tidemill train xgboost`: SageMaker's built-in XGBoost algorithm, run inside a training job.
#pragma once

#include <string>

namespace tidemill::train {

// Follows the container contract below `root`: reads input/config and input/data, writes model/,
// checkpoints/ (if input/config/checkpointconfig.json or the directory exists) and output/failure.
// Logs to standard output. Returns the exit code: 0, also after SIGTERM, when the model so far is
// saved; 1 after a failure.
int xgboost_main(const std::string& root);

}  // namespace tidemill::train
