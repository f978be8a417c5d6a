#include "services/sagemaker/jobs/transform_job/transform_job.h"

#include <cstdio>

#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/common/listing/listing.h"

namespace tidemill::services::sagemaker::jobs {

TIDEMILL_RECORD_CODEC(TransformProgress)
TIDEMILL_RECORD_CODEC(TransformJob)
TIDEMILL_RECORD_CODEC(TransformFile)
TIDEMILL_RECORD_CODEC(TransformStart)
TIDEMILL_RECORD_CODEC(TransformResult)

std::string_view invariant(const TransformJob& job) {
  const bool ended = job.status == "Completed" || job.status == "Failed" || job.status == "Stopped";
  if (job.name().empty() || job.arn.empty()) return "a transform job must have a name and an ARN";
  if (ended != (job.phase == TransformPhase::over))
    return "the phase must be over exactly when the status is Completed, Failed or Stopped";
  if (!ended && job.status != "InProgress" && job.status != "Stopping")
    return "a transform job's status must be one of the known ones";
  if (ended && !job.ended) return "a job that is over must have an end";
  if (job.status == "Completed" && !job.failure_reason.empty())
    return "a completed job must not have a failure reason";
  return {};
}

std::string_view invariant(const TransformFile& file) {
  if (file.bucket.empty() || file.key.empty()) return "a file must have a bucket and a key";
  if (file.done && !file.failure.empty()) return "a file that is done must not have a failure";
  return {};
}

const store::Table<TransformJob>& transform_jobs() {
  static const store::Table<TransformJob> table(
      "sagemaker_transform_jobs",
      {{"by_created",
        [](const TransformJob& job) {
          return std::vector{creation_index_key(job.account, job.region, job.created, job.name())};
        }},
       {"by_status",
        [](const TransformJob& job) {
          return std::vector{store::key({job.account, job.region, job.status, job.name()})};
        }}},
      &invariant);
  return table;
}

std::string transform_job_key(std::string_view account, std::string_view region,
                              std::string_view name) {
  return store::key({account, region, name});
}

bool is_terminal(const TransformJob& job) { return job.phase == TransformPhase::over; }

RoleUse role_use(const TransformJob& job) {
  return {job.role_arn, job.account, job.region, job.role_since};
}

std::string transform_log_stream(const TransformJob& job) {
  return job.name() + "/i-" + job.instance_id + "-0";
}

std::string transform_data_log_stream(const TransformJob& job) {
  return transform_log_stream(job) + "/data-log";
}

const store::Table<TransformFile>& transform_files() {
  static const store::Table<TransformFile> table("sagemaker_transform_files", {}, &invariant);
  return table;
}

std::string transform_files_prefix(const TransformJob& job) {
  return store::key({job.account, job.region, job.name(), ""});
}

std::string transform_file_key(const TransformJob& job, std::int64_t index) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%010lld", static_cast<long long>(index));
  return store::key({job.account, job.region, job.name(), digits});
}

}  // namespace tidemill::services::sagemaker::jobs
