// A training job's folder on the host, and the files of the container contract in it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compute/compute.h"
#include "services/sagemaker/common/images/images.h"
#include "services/sagemaker/common/job_network.h"
#include "services/sagemaker/jobs/training_job/training_job.h"

namespace tidemill::services::sagemaker::jobs {

// The job's volumes are <name>/ml, its /opt/ml, and <name>/home, its home. The paths are those of
// the server's copies.
struct JobFolder {
  std::string name;
  std::string root;
  std::string ml_volume() const { return name + "/ml"; }
  std::string home_volume() const { return name + "/home"; }
  std::string ml() const { return root + "/ml"; }
  std::string home() const { return root + "/home"; }
  std::string channel(std::string_view channel_name) const {
    return ml() + "/input/data/" + std::string(channel_name);
  }
};
JobFolder job_folder(const compute::Volumes& volumes, const TrainingJob& job);

// Makes the volumes and their folders, and writes input/config/*.json. Idempotent.
Result<void> make_job_folder(compute::Volumes& volumes, const JobFolder& folder,
                             const TrainingJob& job);

// The folder of checkpoints below ml(): "checkpoints" unless the request says otherwise.
std::string checkpoint_folder(const TrainingJob& job);

// The texts of input/config, by file name.
std::vector<std::pair<std::string, std::string>> config_files(const TrainingJob& job);

struct JobSurroundings {
  JobNetwork network;
  std::map<std::string, std::string> credentials;  // variables, as of role_environment()
};
// The job's spec for compute/.
compute::JobSpec job_spec(const TrainingJob& job, const JobFolder& folder,
                          const JobSurroundings& surroundings);

}  // namespace tidemill::services::sagemaker::jobs
