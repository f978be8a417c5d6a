// Uploads journals as objects: one thread, in order, with growing delays when S3 refuses.
#pragma once

#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <string>

#include "runtime/task_scope.h"
#include "services/sagemaker_runtime/capture/counters.h"
#include "services/sagemaker_runtime/capture/journal.h"

namespace tidemill::services::sagemaker_runtime {

// Thread-safe.
class CaptureUploader {
 public:
  CaptureUploader(s3::S3Roles& roles, CaptureCounters& counters, const RecorderOptions& options);
  // Queues the journals in the folder, then runs until finish().
  Result<void> start();
  void add(ClosedJournal journal);
  // Tries the waiting journals once more, for at most stop_time_max, and joins the thread.
  void finish();

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;
  struct Waiting {
    std::string path;
    std::uint64_t bytes = 0;
    std::optional<ClosedJournal> journal;  // empty: left by an earlier process, not read yet
    int failures = 0;
    SteadyTime next_try{};
    std::optional<SteadyTime> first_failure = {};
  };

  void run();
  // The next journal that is due; nullopt when it is time to end.
  std::optional<Waiting> next();
  // Returns false when the upload must be tried again.
  bool upload(Waiting& waiting);
  bool read_back(Waiting& waiting);
  void failed(Waiting& waiting, const Error& error);
  void forget(const Waiting& waiting);
  bool tried_long_enough(const Waiting& waiting) const;

  s3::S3Roles& roles_;
  CaptureCounters& counters_;
  const RecorderOptions& options_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::list<Waiting> waiting_;              // guarded by mutex_
  std::optional<SteadyTime> finish_until_;  // guarded by mutex_
  runtime::TaskScope scope_;                // last, as its thread uses the other members
};

}  // namespace tidemill::services::sagemaker_runtime
