// The events of a training job's state machine. The store contains the types' names.
#pragma once

#include <string>

#include "services/sagemaker/jobs/training_job/training_job.h"

namespace tidemill::services::sagemaker::jobs {

// The detail type of the event that EventBridge gets when a job's status changes.
inline constexpr const char* kTrainingStateChange = "SageMaker Training Job State Change";

}  // namespace tidemill::services::sagemaker::jobs

namespace tidemill::services::sagemaker::jobs::training_events {

struct Prepared {
  static constexpr const char* kType = kPrepared;
};
BOOST_DESCRIBE_STRUCT(Prepared, (), ())

struct Downloaded {
  static constexpr const char* kType = kDownloaded;
};
BOOST_DESCRIBE_STRUCT(Downloaded, (), ())

struct JobExited {
  static constexpr const char* kType = kJobExited;
  std::string compute_id;
  Value exit;  // as the task that uploads reads it
};
BOOST_DESCRIBE_STRUCT(JobExited, (), (compute_id, exit))

struct Uploaded : TrainingResult {
  static constexpr const char* kType = kUploaded;
};
BOOST_DESCRIBE_STRUCT(Uploaded, (TrainingResult), ())

struct MaxRuntimeReached {
  static constexpr const char* kType = kMaxRuntimeReached;
  std::string compute_id;
};
BOOST_DESCRIBE_STRUCT(MaxRuntimeReached, (), (compute_id))

struct StillRunning {
  static constexpr const char* kType = kStillRunning;
  std::string compute_id;
};
BOOST_DESCRIBE_STRUCT(StillRunning, (), (compute_id))

}  // namespace tidemill::services::sagemaker::jobs::training_events
