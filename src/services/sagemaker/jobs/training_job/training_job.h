// The record of a training job, its states and its events.
//
//   Starting -> Downloading -> Training -> Uploading -> Completed | Failed | Stopped
//
// Stopping may come at any point; MaxRuntimeExceeded is how a stopped job ends that was too long.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/sagemaker/training_job.h"
#include "base/value.h"
#include "services/sagemaker/jobs/job.h"
#include "store/table.h"

namespace tidemill::services::sagemaker {
struct RoleUse;
}

namespace tidemill::services::sagemaker::jobs {

// The phase of the work; the status that clients see also shows stopping.
enum class TrainingPhase { preparing, downloading, training, uploading, over };
BOOST_DESCRIBE_ENUM(TrainingPhase, preparing, downloading, training, uploading, over)

struct TrainingTransition {
  std::string status;
  std::string message;
  Timestamp started;
  std::optional<Timestamp> ended;
};
TIDEMILL_RECORD(TrainingTransition, (), (status, message, started, ended))

struct TrainingMetric {
  std::string name;
  double value = 0;
  Timestamp time;
};
TIDEMILL_RECORD(TrainingMetric, (), (name, value, time))

struct TrainingJob {
  std::string account, region, arn;
  api::sagemaker::CreateTrainingJobRequest request;
  TrainingPhase phase = TrainingPhase::preparing;
  std::string status = "InProgress";
  std::string secondary_status = "Starting";
  std::string failure_reason;
  Timestamp created, modified;
  std::optional<Timestamp> training_started, training_ended;  // as clients see them
  // How long that was, by a clock that nobody sets (Dependencies::durations), and when it began by
  // that clock. Jobs of older versions have neither.
  std::optional<Timestamp> counted_from;
  std::optional<std::int64_t> training_microseconds;
  std::vector<TrainingTransition> transitions;
  std::string model_artifacts;  // S3 URI
  std::vector<TrainingMetric> metrics;
  bool stop_requested = false;
  bool max_runtime_exceeded = false;
  bool upload_stopped = false;  // stopped while its artifacts were uploaded

  const std::string& name() const { return request.training_job_name; }
};
TIDEMILL_RECORD(TrainingJob, (),
                (account, region, arn, request, phase, status, secondary_status, failure_reason,
                 created, modified, training_started, training_ended, counted_from,
                 training_microseconds, transitions, model_artifacts, metrics, stop_requested,
                 max_runtime_exceeded, upload_stopped))

inline constexpr const char* kTrainingJobMachine = "sagemaker_training_job";
inline constexpr const char* kTrainingLogGroup = "/aws/sagemaker/TrainingJobs";

// Table, with the indexes that lists are ordered by.
const store::Table<TrainingJob>& training_jobs();
std::string training_job_key(std::string_view account, std::string_view region,
                             std::string_view name);

// The role with which the server reads and writes for the job.
RoleUse role_use(const TrainingJob& job);

// The job's name in compute/: "training.<account>.<region>.<name>.<microseconds of creation>". It
// names its record, so that reports of the compute back end need no look-up.
std::string compute_id(const TrainingJob& job);
struct ComputeId {
  std::string account, region, name;
  Timestamp created;
};
Result<ComputeId> parse_compute_id(std::string_view id);
inline constexpr const char* kComputeIdPrefix = "training.";

std::string log_stream(std::string_view name, Timestamp created);

bool is_terminal(const TrainingJob& job);

// Events; the payload's members in braces.
namespace training_events {
using namespace job_events;
inline constexpr const char* kPrepared = "Prepared";
inline constexpr const char* kDownloaded = "Downloaded";
inline constexpr const char* kJobExited = "JobExited";                  // {compute_id, exit}
inline constexpr const char* kUploaded = "Uploaded";                    // TrainingResult
inline constexpr const char* kMaxRuntimeReached = "MaxRuntimeReached";  // {compute_id}
inline constexpr const char* kStillRunning = "StillRunning";            // {compute_id}
}  // namespace training_events

// Tasks.
namespace training_tasks {
inline constexpr const char* kPrepare = "Prepare";
inline constexpr const char* kDownload = "Download";
inline constexpr const char* kLaunch = "Launch";
inline constexpr const char* kMaxRuntime = "MaxRuntime";  // a timer; {compute_id}
inline constexpr const char* kWatch = "Watch";            // a timer; {compute_id}
inline constexpr const char* kStop = "Stop";
inline constexpr const char* kUpload = "Upload";  // {exit}
inline constexpr const char* kCleanUp = "CleanUp";
}  // namespace training_tasks

// The result of uploading.
struct TrainingResult {
  std::string failure_reason;  // "" when the job did well
  std::string model_artifacts;
  std::vector<TrainingMetric> metrics;
};
TIDEMILL_RECORD(TrainingResult, (), (failure_reason, model_artifacts, metrics))

// The interval at which a running job is checked, besides compute's reports: this finds an exit
// whose report could not be recorded (full disk), and a job that a power cut ended.
inline constexpr int kWatchSeconds = 60;
// AWS gives a job this long between SIGTERM and SIGKILL.
inline constexpr int kStopGraceSeconds = 120;
// The default of ResourceConfig's VolumeSizeInGB.
inline constexpr std::int64_t kVolumeDefaultGb = 30;

}  // namespace tidemill::services::sagemaker::jobs
