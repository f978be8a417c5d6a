// A transform job's work between start and end: every file that is not done yet.
#pragma once

#include <atomic>
#include <mutex>
#include <stop_token>

#include "services/sagemaker/common/dependencies.h"
#include "services/sagemaker/jobs/transform_job/batch_model.h"
#include "services/sagemaker/jobs/transform_job/transform_file.h"

namespace tidemill::services::platform {
class MetricRegistry;
}

namespace tidemill::services::sagemaker::jobs {

// Since the server started, of all jobs.
struct TransformCounters {
  std::atomic<std::uint64_t> jobs_running = 0, files_done = 0, files_failed = 0, records = 0;
  void add_to(platform::MetricRegistry& metrics) const;
};

// Files are done side by side; each one's end is recorded before the next begins, so that a run
// after a crash goes on where this one was. One use.
class TransformRun {
 public:
  TransformRun(const Dependencies& dependencies, const TransformJob& job, BatchModel& model,
               TransformCounters& counters, std::stop_token stop);

  // Tidemill.Cancelled when stopped; other errors may be tried again.
  Result<TransformResult> run();

 private:
  struct NextFile {
    std::string key;
    TransformFile file;
  };
  Result<std::optional<NextFile>> next_file();
  // Runs until no file is left, or one lane has an error of the server's.
  Result<void> work(const FileTransform& with);
  Result<void> record(NextFile next, const FileResult& result);
  void tell_failure(const TransformFile& file, const std::string& reason);
  std::string failure_reason() const;

  const Dependencies& on_;
  const TransformJob& job_;
  BatchModel& model_;
  TransformCounters& counters_;
  const std::stop_token stop_;
  const TransformPlan plan_;
  DataLog log_;
  std::mutex mutex_;  // guards all below
  std::vector<NextFile> page_;
  std::string position_;
  bool listed_ = false;
  bool broken_ = false;
  TransformProgress progress_;
  std::string first_failure_;
};

}  // namespace tidemill::services::sagemaker::jobs
