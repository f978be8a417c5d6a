// Checks of CreateTransformJob beyond the model's constraints, and the meaning of the request.
#pragma once

#include <chrono>

#include "base/error.h"
#include "services/sagemaker/jobs/transform_job/data/batch_reader.h"
#include "services/sagemaker/jobs/transform_job/data/data_processing.h"
#include "services/sagemaker/jobs/transform_job/transform_job.h"

namespace tidemill::services::sagemaker::jobs {

inline constexpr std::int64_t kPayloadDefaultMb = 6;
inline constexpr std::int64_t kPayloadMaxMb = 100;  // also of all concurrent payloads together
inline constexpr std::int64_t kConcurrentTransformsMax = 100;
inline constexpr std::int64_t kTransformInstancesMax = 100;
inline constexpr std::chrono::seconds kInvocationTimeoutDefault{600};
inline constexpr std::int64_t kInvocationRetriesDefault = 3;

// ValidationException with what is wrong and what would be right.
Result<void> check_transform_request(const api::sagemaker::CreateTransformJobRequest& request);

// The request with its defaults filled in.
struct TransformPlan {
  BatchOptions batches;
  bool gzip = false;
  std::string content_type, accept;
  std::size_t concurrency = 1;  // of all instances together
  std::chrono::seconds timeout = kInvocationTimeoutDefault;
  int retries = int(kInvocationRetriesDefault);
  std::int64_t payload_mb = kPayloadDefaultMb;
};
// The plan of a request that was checked.
TransformPlan transform_plan(const api::sagemaker::CreateTransformJobRequest& request);
Result<DataProcessing> data_processing(const api::sagemaker::CreateTransformJobRequest& request);

}  // namespace tidemill::services::sagemaker::jobs
