// The training loop.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/error.h"
#include "train/xgboost/dataset.h"
#include "train/xgboost/hyperparameters.h"

namespace tidemill::train::xgboost {

struct Training {
  Hyperparameters parameters;
  Dataset train;
  std::optional<Dataset> validation;
  std::filesystem::path model_file;            // written at the end, whole or not at all
  std::filesystem::path checkpoint_directory;  // empty or absent: no checkpoints
  int threads = 1;
  // Called before each round; true: save the model so far and end.
  std::function<bool()> stop_requested = [] { return false; };
  // One line of the log, without its newline.
  std::function<void(const std::string&)> print = [](const std::string&) {};
};

// "ClientError": the data do not fit the parameters. "AlgorithmError": anything else.
Result<void> run_training(const Training& training);

}  // namespace tidemill::train::xgboost
