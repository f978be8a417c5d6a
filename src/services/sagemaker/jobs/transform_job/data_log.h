// A transform job's messages about its input: "<job>/i-.../data-log" in CloudWatch Logs, in
// SageMaker's form: "2026-01-31T12:00:00.123:[sagemaker logs]: bucket/key: ClientError: 400".
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "services/logs/interface.h"
#include "services/sagemaker/jobs/transform_job/transform_job.h"

namespace tidemill::services::sagemaker::jobs {

// Thread-safe. Lines are gathered and written together; a log that cannot be written is dropped,
// since a job does not fail for it.
class DataLog {
 public:
  DataLog(logs::LogsInterface& logs, Clock& clock, const TransformJob& job)
      : logs_(logs), clock_(clock), job_(job) {}
  ~DataLog() { flush(); }
  DataLog(const DataLog&) = delete;
  DataLog& operator=(const DataLog&) = delete;

  void line(const std::string& text);
  // Each line of the text behind "bucket/key: ".
  void about(const TransformFile& file, const std::string& text);
  void flush();

 private:
  logs::LogsInterface& logs_;
  Clock& clock_;
  const TransformJob& job_;
  std::mutex mutex_;
  std::vector<logs::LogEvent> waiting_;
  Timestamp flushed_;
};

}  // namespace tidemill::services::sagemaker::jobs
