// Which objects a transform job reads, and what their outputs are called.
#pragma once

#include <functional>
#include <vector>

#include "services/s3/interface.h"
#include "services/sagemaker/jobs/transform_job/transform_job.h"

namespace tidemill::services::sagemaker::jobs {

inline constexpr std::int64_t kInputFilesMax = 1'000'000;

// Names of outputs are those of inputs below the prefix, with ".out" behind.
// Calls `take` for each file in order. "ClientError" is the user's, its message a FailureReason;
// other errors may be tried again. Stops with the error of `take`.
Result<void> list_input_files(s3::S3Interface& s3, const TransformJob& job,
                              const std::function<Result<void>(TransformFile)>& take);

// Checks that there is some input, as SageMaker does when a job is made. ValidationException.
Result<void> check_input_exists(s3::S3Interface& s3, const TransformJob& job);

// Stores the files as rows, in place of those that an earlier attempt left. Returns their number.
Result<std::int64_t> plan_input_files(store::Store& store, s3::S3Interface& s3,
                                      const TransformJob& job);
// Removes the rows. Idempotent.
Result<void> forget_input_files(store::Store& store, const TransformJob& job);

}  // namespace tidemill::services::sagemaker::jobs
