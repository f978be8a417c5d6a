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
  if (job.name().empty() || job.arn.empty()) return "a transform job has a name and an ARN";
  if (ended != (job.phase == TransformPhase::over))
    return "the phase is over exactly when the status is Completed, Failed or Stopped";
  if (!ended && job.status != "InProgress" && job.status != "Stopping")
    return "the status is none that a transform job has";
  if (ended && !job.ended) return "a job that is over has ended";
  if (job.status == "Completed" && !job.failure_reason.empty())
    return "a completed job has no failure reason";
  return {};
}

std::string_view invariant(const TransformFile& file) {
  if (file.bucket.empty() || file.key.empty()) return "a file is an object of S3";
  if (file.done && !file.failure.empty()) return "a file that is done has not failed";
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
