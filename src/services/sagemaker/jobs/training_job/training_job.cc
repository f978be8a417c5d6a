#include "services/sagemaker/jobs/training_job/training_job.h"

#include <charconv>

#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/common/listing/listing.h"
#include "services/sagemaker/jobs/training_job/invariant.h"

namespace tidemill::services::sagemaker::jobs {

TIDEMILL_RECORD_CODEC(TrainingTransition)
TIDEMILL_RECORD_CODEC(TrainingMetric)
TIDEMILL_RECORD_CODEC(TrainingJob)
TIDEMILL_RECORD_CODEC(TrainingResult)

const store::Table<TrainingJob>& training_jobs() {
  static const store::Table<TrainingJob> table(
      "sagemaker_training_jobs",
      {{"by_created",
        [](const TrainingJob& job) {
          return std::vector{creation_index_key(job.account, job.region, job.created, job.name())};
        }},
       {"by_status",
        [](const TrainingJob& job) {
          return std::vector{store::key({job.account, job.region, job.status, job.name()})};
        }}},
      &invariant);
  return table;
}

std::string training_job_key(std::string_view account, std::string_view region,
                             std::string_view name) {
  return store::key({account, region, name});
}

RoleUse role_use(const TrainingJob& job) {
  return {job.request.role_arn, job.account, job.region, job.created};
}

std::string compute_id(const TrainingJob& job) {
  return kComputeIdPrefix + job.account + "." + job.region + "." + job.name() + "." +
         std::to_string(job.created.microseconds);
}

Result<ComputeId> parse_compute_id(std::string_view id) {
  std::vector<std::string> parts;
  for (std::string_view rest = id;;) {
    const std::size_t dot = rest.find('.');
    parts.emplace_back(rest.substr(0, dot));
    if (dot == rest.npos) break;
    rest.remove_prefix(dot + 1);
  }
  constexpr std::size_t kParts = 5;
  ComputeId parsed;
  if (parts.size() != kParts || parts[0] + "." != kComputeIdPrefix)
    return fail(codes::kInvalid, "'" + std::string(id) + "' is no training job's id");
  const std::string& time = parts[4];
  if (std::from_chars(time.data(), time.data() + time.size(), parsed.created.microseconds).ec !=
      std::errc())
    return fail(codes::kInvalid, "'" + std::string(id) + "' is no training job's id");
  parsed.account = parts[1];
  parsed.region = parts[2];
  parsed.name = parts[3];
  return parsed;
}

std::string log_stream(std::string_view name, Timestamp created) {
  return std::string(name) + "/algo-1-" + std::to_string(created.microseconds / 1'000'000);
}

bool is_terminal(const TrainingJob& job) { return job.phase == TrainingPhase::over; }

}  // namespace tidemill::services::sagemaker::jobs
