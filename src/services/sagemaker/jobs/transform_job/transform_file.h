// One input file through the model: read, split, answered, put together again, in order.
#pragma once

#include <atomic>
#include <stop_token>

#include "services/s3/interface.h"
#include "services/sagemaker/jobs/transform_job/batch_pool.h"
#include "services/sagemaker/jobs/transform_job/data_log.h"

namespace tidemill::services::sagemaker::jobs {

struct FileResult {
  std::string failure;  // "" done; begins with "ClientError: " or "AlgorithmError: "
  std::int64_t records = 0;
};

struct FileTransform {
  s3::S3Interface& s3;
  const TransformJob& job;
  const TransformPlan& plan;
  BatchPool& pool;
  DataLog& log;
  std::stop_token stop;
  std::size_t payload_bytes_wanted = 0;
  std::atomic<std::uint64_t>& records_done;  // for the metrics, as they come
};

// The output is there when this returns, whole, or not at all: S3 takes it as a stream that it
// drops when something fails. Tidemill.Cancelled when stopped; other errors may be tried again.
Result<FileResult> transform_file(const FileTransform& with, const TransformFile& file);

}  // namespace tidemill::services::sagemaker::jobs
