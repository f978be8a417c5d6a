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

// <jobs>/<compute id>/ml is the job's /opt/ml, home its home.
struct JobFolder {
  std::string root;
  std::string ml() const { return root + "/ml"; }
  std::string home() const { return root + "/home"; }
  std::string channel(std::string_view name) const {
    return ml() + "/input/data/" + std::string(name);
  }
};
JobFolder job_folder(const std::string& jobs_directory, const TrainingJob& job);

// Makes the folders and writes input/config/*.json. Idempotent.
Result<void> make_job_folder(const JobFolder& folder, const TrainingJob& job);

// Where checkpoints lie below ml(): "checkpoints" unless the request says otherwise.
std::string checkpoint_folder(const TrainingJob& job);

// The texts of input/config, by file name.
std::vector<std::pair<std::string, std::string>> config_files(const TrainingJob& job);

struct JobSurroundings {
  compute::Isolation isolation;
  JobNetwork network;
  std::map<std::string, std::string> credentials;  // variables, as of role_environment()
};
// What compute/ runs.
compute::JobSpec job_spec(const TrainingJob& job, const JobFolder& folder, const Programs& programs,
                          const JobSurroundings& surroundings);

}  // namespace tidemill::services::sagemaker::jobs
