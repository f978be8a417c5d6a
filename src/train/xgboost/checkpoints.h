// Checkpoints in /opt/ml/checkpoints, with the file names of SageMaker's container.
#pragma once

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "train/xgboost/handles.h"

namespace tidemill::train::xgboost {

inline constexpr std::size_t kCheckpointsKept = 5;

struct Checkpoint {
  std::filesystem::path path;
  int round = 0;  // its last round, from 0
};

// The newest `xgboost-checkpoint.<round>`; nullopt when there is none.
std::optional<Checkpoint> latest_checkpoint(const std::filesystem::path& directory);
// Writes one and removes those older than the last kCheckpointsKept.
Result<void> write_checkpoint(const std::filesystem::path& directory, int round, Booster& booster);

}  // namespace tidemill::train::xgboost
