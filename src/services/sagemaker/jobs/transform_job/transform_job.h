// The record of a batch transform job, its states and its events.
//
//   starting -> transforming -> over: Completed | Failed | Stopped
//
// Stopping may come at any point; files that were done by then keep their output.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/sagemaker/transform_job.h"
#include "base/value.h"
#include "services/sagemaker/jobs/job.h"
#include "store/table.h"

namespace tidemill::services::sagemaker {
struct RoleUse;
}

namespace tidemill::services::sagemaker::jobs {

enum class TransformPhase { starting, transforming, over };
BOOST_DESCRIBE_ENUM(TransformPhase, starting, transforming, over)

struct TransformProgress {
  std::int64_t files = 0, files_done = 0, files_failed = 0;
  std::int64_t records = 0;  // of the files that are done
};
TIDEMILL_RECORD(TransformProgress, (), (files, files_done, files_failed, records))

struct TransformFile;

struct TransformJob {
  std::string account, region, arn;
  std::string server_url;  // how the creator reached this server; the model's code uses the same
  api::sagemaker::CreateTransformJobRequest request;
  std::string role_arn;     // the model's; the job's S3 objects are read and written as it may
  std::string instance_id;  // random; names the log streams, "i-..."
  // The model as it was when the job was made, with its processes; BatchModels reads and writes it.
  // Null after the clean-up: it can be as large as the request, and lists read whole records.
  Value model;
  TransformPhase phase = TransformPhase::starting;
  std::string status = "InProgress";
  std::string failure_reason;
  Timestamp created, modified;
  std::optional<Timestamp> started, ended;
  TransformProgress progress;
  bool stop_requested = false;
  Timestamp role_since;  // as RoleUse::since: when the model was made

  const std::string& name() const { return request.transform_job_name; }
};
TIDEMILL_RECORD(TransformJob, (),
                (account, region, arn, server_url, request, role_arn, instance_id, model, phase,
                 status, failure_reason, created, modified, started, ended, progress,
                 stop_requested, role_since))

inline constexpr const char* kTransformJobMachine = "sagemaker_transform_job";
inline constexpr const char* kTransformLogGroup = "/aws/sagemaker/TransformJobs";
// The size limit of SageMaker's FailureReason.
inline constexpr std::size_t kTransformReasonBytesMax = 1024;

// Why a record breaks its invariant (store/invariant.h), "" when it does not.
std::string_view invariant(const TransformJob& job);
std::string_view invariant(const TransformFile& file);

const store::Table<TransformJob>& transform_jobs();
std::string transform_job_key(std::string_view account, std::string_view region,
                              std::string_view name);
bool is_terminal(const TransformJob& job);
// The role with which the server reads and writes for the job.
RoleUse role_use(const TransformJob& job);

// "<job>/i-<instance id>-0", where the model server writes; what the job itself has to say goes to
// the second, "<job>/i-<instance id>-0/data-log".
std::string transform_log_stream(const TransformJob& job);
std::string transform_data_log_stream(const TransformJob& job);

// One input file; the rows of a job are its durable progress and go when it is over.
struct TransformFile {
  std::string bucket, key;
  std::string output_name;  // below S3OutputPath: "part/a.csv.out"
  std::int64_t size_bytes = 0;
  bool done = false;
  std::int64_t records = 0;
  std::string failure;  // "" none; a file that failed is not tried again
};
TIDEMILL_RECORD(TransformFile, (), (bucket, key, output_name, size_bytes, done, records, failure))

const store::Table<TransformFile>& transform_files();
std::string transform_file_key(const TransformJob& job, std::int64_t index);
std::string transform_files_prefix(const TransformJob& job);

// Events; the payload's members in braces.
namespace transform_events {
using namespace job_events;
inline constexpr const char* kStarted = "Started";            // TransformStart
inline constexpr const char* kTransformed = "Transformed";    // TransformResult
inline constexpr const char* kModelChanged = "ModelChanged";  // {model}; its processes, anew
inline constexpr const char* kCleanedUp = "CleanedUp";
}  // namespace transform_events

namespace transform_tasks {
inline constexpr const char* kStart = "Start";
inline constexpr const char* kTransform = "Transform";
inline constexpr const char* kInterrupt = "Interrupt";
inline constexpr const char* kCleanUp = "CleanUp";
}  // namespace transform_tasks

struct TransformStart {
  Value model;  // running
  std::int64_t files = 0;
};
TIDEMILL_RECORD(TransformStart, (), (model, files))

struct TransformResult {
  TransformProgress progress;
  std::string failure_reason;  // "" when every file is done
};
TIDEMILL_RECORD(TransformResult, (), (progress, failure_reason))

}  // namespace tidemill::services::sagemaker::jobs
