// Compute without processes: a history decides when each "process" ends, which reports are lost or
// repeated, and which calls fail.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compute/compute.h"

namespace tidemill::simulation {

class FakeCompute final : public compute::Driver {
 public:
  // `volumes`: their folder. `fails` is evaluated at each call of the interface. `clock` is the
  // durations clock.
  FakeCompute(const Clock& clock, std::string volumes, std::function<bool()> fails)
      : clock_(clock), volumes_(std::move(volumes)), fails_(std::move(fails)) {}

  // A new server adopts existing jobs, and every exit is reported again.
  Result<void> adopt(compute::JobListener& listener) override {
    listener_ = &listener;
    prepared_.clear();
    for (const auto& [id, job] : std::map(jobs_))
      if (job.exit) listener.job_exited(id, *job.exit);
    return {};
  }
  void stop_watching() override { listener_ = nullptr; }

  Result<void> prepare(const compute::JobSpec& spec) override {
    if (fails_()) return fail(codes::kIo, "the simulated compute failed");
    if (!jobs_.contains(spec.id)) prepared_.insert(spec.id);
    return {};
  }
  Result<void> start(const std::string& id) override {
    if (fails_()) return fail(codes::kIo, "the simulated compute failed");
    if (jobs_.contains(id)) return {};
    if (prepared_.erase(id) == 0) return fail(codes::kNotFound, "it is not prepared: " + id);
    if (removed_.contains(id)) problem_ = "started again after its end: " + id;
    jobs_[id].started = clock_.now();
    // The job runs, although the caller gets an error.
    if (fails_()) return fail(codes::kIo, "the simulated compute failed");
    return {};
  }
  Result<void> stop(const std::string& id, std::chrono::seconds grace) override {
    if (fails_()) return fail(codes::kIo, "the simulated compute failed");
    const auto job = jobs_.find(id);
    if (job == jobs_.end() && prepared_.erase(id) == 1) return {};
    if (job == jobs_.end()) return fail(codes::kNotFound, "there is no job " + id);
    if (job->second.exit) return {};
    const Timestamp deadline = clock_.now() + grace;
    if (!job->second.kill_at || deadline < *job->second.kill_at) job->second.kill_at = deadline;
    return {};
  }
  Result<compute::JobStatus> observe(const std::string& id) override {
    if (fails_()) return fail(codes::kIo, "the simulated compute failed");
    compute::JobStatus out;
    const auto job = jobs_.find(id);
    if (job == jobs_.end() && prepared_.contains(id)) out.state = compute::JobState::prepared;
    if (job == jobs_.end()) return out;
    out.state = job->second.exit ? compute::JobState::exited : compute::JobState::running;
    out.exit = job->second.exit;
    return out;
  }
  Result<compute::LogPart> log(const std::string&, std::uint64_t, std::size_t) override {
    return compute::LogPart();
  }
  Result<compute::LogTail> log_tail(const std::string&, std::size_t) override {
    return compute::LogTail();
  }
  Result<void> remove(const std::string& id) override {
    if (fails_()) return fail(codes::kIo, "the simulated compute failed");
    const auto job = jobs_.find(id);
    if (job != jobs_.end() && !job->second.exit)
      return fail(codes::kConflict, "the job runs: " + id);
    if (job != jobs_.end()) jobs_.erase(job);
    prepared_.erase(id);
    removed_.insert(id);
    return {};
  }
  compute::Isolation isolation() const override { return {}; }
  compute::Address address(const std::string&, std::uint16_t) override { return {}; }
  bool listens(const std::string&, std::uint16_t) override { return true; }
  compute::Volumes& volumes() override { return volumes_; }
  std::string path_in_jobs(const std::string&, const std::string& destination) override {
    return destination;
  }

  // The faults that a history inflicts on the jobs.
  std::vector<std::string> running() const {
    std::vector<std::string> out;
    for (const auto& [id, job] : jobs_)
      if (!job.exit) out.push_back(id);
    return out;
  }
  bool runs(const std::string& id) const {
    const auto job = jobs_.find(id);
    return job != jobs_.end() && !job->second.exit;
  }
  std::size_t size() const { return jobs_.size(); }
  // The exit code of the process with this id; nullopt when it did not end by itself.
  std::optional<int> ended_with(const std::string& id) const {
    const auto found = history_.find(id);
    return found == history_.end() ? std::nullopt : std::optional(found->second);
  }
  const std::string& problem() const { return problem_; }

  void end(const std::string& id, int exit_code, bool report) {
    Job& job = jobs_.at(id);
    compute::JobExit exit;
    exit.exit_code = exit_code;
    exit.stop_requested = job.kill_at.has_value();
    exit.started = job.started;
    exit.ended = clock_.now();
    job.exit = exit;
    history_[id] = exit_code;
    if (report && listener_) listener_->job_exited(id, exit);
  }
  // The machine loses the job without a trace.
  void lose(const std::string& id) { jobs_.erase(id); }
  // Kills jobs that were stopped and did not end within their grace period.
  void kill_overdue() {
    for (const std::string& id : running()) {
      const Job& job = jobs_.at(id);
      if (job.kill_at && *job.kill_at <= clock_.now()) end(id, 137, true);
    }
  }
  // Reports an exit again, or late.
  void report(const std::string& id) {
    const auto job = jobs_.find(id);
    compute::JobExit exit;
    if (job != jobs_.end()) {
      if (!job->second.exit) return;
      exit = *job->second.exit;
    }
    if (listener_) listener_->job_exited(id, exit);
  }

 private:
  struct Job {
    Timestamp started;
    std::optional<Timestamp> kill_at;
    std::optional<compute::JobExit> exit;
  };

  const Clock& clock_;
  compute::LocalVolumes volumes_;
  const std::function<bool()> fails_;
  compute::JobListener* listener_ = nullptr;
  std::map<std::string, Job> jobs_;
  std::map<std::string, int> history_;
  std::set<std::string> prepared_, removed_;
  std::string problem_;
};

}  // namespace tidemill::simulation
