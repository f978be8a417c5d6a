// Input data and checkpoints: from S3 into the job's folder.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "services/s3/interface.h"
#include "services/sagemaker/jobs/training_job/job_folder.h"

namespace tidemill::services::sagemaker::jobs {

// Downloads every channel. An Error with the code "ClientError" is the user's (no such data);
// others are ours and may be tried again.
// `stopped` is asked before each object; true ends with Tidemill.Cancelled.
Result<void> download_channels(s3::S3Interface& s3, const TrainingJob& job, const JobFolder& folder,
                               const std::function<bool()>& stopped);
// Fetches the files that an earlier run of the job left at CheckpointConfig's S3Uri, if any.
Result<void> restore_checkpoints(s3::S3Interface& s3, const TrainingJob& job,
                                 const JobFolder& folder, const std::function<bool()>& stopped);

// The path of the object `key` below a channel that was given `prefix`, in SageMaker's layout: the
// part that follows the prefix's folder. nullopt for folder markers and for keys that would leave
// the folder.
std::optional<std::string> path_in_channel(std::string_view prefix, std::string_view key);

struct Manifest {
  std::string bucket;
  std::string prefix;
  std::vector<std::string> names;  // below the prefix
};
// [{"prefix": "s3://bucket/folder/"}, "name", ...]
Result<Manifest> parse_manifest(std::string_view text);

inline constexpr const char* kClientError = "ClientError";

}  // namespace tidemill::services::sagemaker::jobs
