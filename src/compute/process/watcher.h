// Watches all jobs' shims and logs on one thread and reports to the listener.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/descriptor.h"
#include "compute/compute.h"
#include "compute/process/job_files.h"

namespace tidemill::compute {

class Watcher {
 public:
  explicit Watcher(Clock& clock) : clock_(clock) {}
  ~Watcher() { stop(); }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // `listener` must outlive the thread.
  Result<void> start(JobListener& listener);
  void stop();

  // Delivers lines and exit of a job whose shim runs (pid not 0) or has ended (0). Idempotent by
  // id.
  void watch(const std::string& id, const JobFiles& files, int shim_pid);
  // For a job that has ended: delivers its last lines and its exit first, as long as the listener
  // takes them; then nothing more. Returns when the listener is not in a call about the job. From
  // within such a call it waits for nothing.
  void forget(const std::string& id);

 private:
  struct Job {
    std::string id;
    JobFiles files;
    int shim_pid = 0;
    Descriptor shim;  // pidfd, readable when the shim has ended
    Descriptor log;
    Descriptor acknowledged_file;
    int log_watch = -1;
    std::uint64_t acknowledged = 0;
    bool ended = false;
    std::chrono::steady_clock::time_point retry_at = {};  // after the listener refused lines
  };
  using Jobs = std::map<std::string, std::shared_ptr<Job>>;  // shared: forget() during a delivery

  void run();
  // Milliseconds for epoll: -1, or until the next retry.
  int next_timeout();
  void take_event(int descriptor);
  void open_job(Job& job);
  void close_job(Job& job);
  // False when work remains: more lines than one turn takes, or the listener refused.
  bool deliver_lines(Job& job);
  void turn(const std::string& id);
  JobExit exit_of(const Job& job);
  void wake();

  Clock& clock_;
  JobListener* listener_ = nullptr;
  Descriptor epoll_, inotify_, wake_;
  std::mutex mutex_;
  std::condition_variable delivered_;
  Jobs jobs_;
  std::map<int, std::string> by_log_watch_, by_shim_;  // ids by watch and by pidfd
  std::set<std::string> due_;                          // ids to look at in this round
  std::string delivering_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tidemill::compute
