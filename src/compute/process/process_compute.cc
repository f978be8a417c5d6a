#include "compute/process/process_compute.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <thread>

#include "base/file_tree.h"
#include "base/log.h"
#include "compute/process/job_files.h"
#include "compute/process/job_network.h"
#include "compute/process/job_plan.h"
#include "compute/process/log_reader.h"
#include "compute/process/port_owner.h"
#include "compute/process/spawn.h"
#include "compute/process/usage.h"
#include "compute/process/user_ids.h"
#include "compute/process/watcher.h"

namespace tidemill::compute {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kIdBytesMax = 128;
// Next to the jobs' folders; job ids never begin with a dot.
constexpr const char* kUsersFolder = ".users";

Result<void> check_id(const std::string& id) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  if (id.empty() || id.size() > kIdBytesMax || id.starts_with('.') ||
      id.find_first_not_of(kAllowed) != id.npos)
    return fail(codes::kInvalid, "'" + id + "' is not a valid job id");
  return {};
}

void tell_isolation(const Isolation& isolation) {
  if (isolation.explanation.empty())
    log::info("jobs run in full isolation");
  else
    log::warning("jobs are not fully isolated on this machine",
                 {{"missing", isolation.explanation}});
}

// No shim has written anything. One may be starting, which holds the job's lock.
bool is_not_started(const JobFiles& job) {
  std::error_code ignored;
  return !fs::exists(job.shim(), ignored) && !fs::exists(job.exit(), ignored);
}

bool is_only_prepared(const JobFiles& job) {
  std::error_code ignored;
  return fs::exists(job.spec(), ignored) && is_not_started(job);
}

// The lock of a job that nobody has started; Tidemill.Conflict when its shim has begun. For a
// moment after a fork, until the child has executed its own program, the child holds every lock
// that this process held, also of jobs that are none of its business.
Result<Descriptor> lock_unstarted(const JobFiles& job) {
  constexpr int kAttemptsMax = 2000;
  Result<Descriptor> lock = take_lock(job);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    if (lock || lock.error().code != codes::kConflict || !is_not_started(job)) break;
    ::usleep(1000);
    lock = take_lock(job);
  }
  return lock;
}

class ProcessDriverHere final : public ProcessDriver {
 public:
  ProcessDriverHere(ProcessOptions options, Clock& clock)
      : options_(std::move(options)),
        volumes_(options_.volumes_directory, options_.volume_owners),
        users_(options_.directory + "/" + kUsersFolder, options_.user_id_first,
               options_.user_id_count),
        watcher_(clock) {}
  ~ProcessDriverHere() override {
    watcher_.stop();
    if (probe_.joinable()) probe_.join();
  }

  Result<void> adopt(JobListener& listener) override;
  void stop_watching() override { watcher_.stop(); }
  Result<void> prepare(const JobSpec& spec) override;
  Result<void> start(const std::string& id) override;
  Result<JobStatus> observe(const std::string& id) override;
  Result<LogPart> log(const std::string& id, std::uint64_t offset, std::size_t bytes_max) override;
  Result<LogTail> log_tail(const std::string& id, std::size_t bytes_max) override;
  Result<void> stop(const std::string& id, std::chrono::seconds grace) override;
  Result<void> remove(const std::string& id) override;
  Address address(const std::string& id, std::uint16_t port) override;
  bool listens(const std::string& id, std::uint16_t port) override;
  Volumes& volumes() override { return volumes_; }
  std::string path_in_jobs(const std::string& volume, const std::string& destination) override {
    return isolation().mount_namespace ? destination : volumes_.folder(volume);
  }
  Isolation isolation() const override;
  void serve_through(JobDoors& doors) override { networks_.serve_through(doors); }

 private:
  JobFiles files(const std::string& id) const {
    return JobFiles(fs::path(options_.directory) / id);
  }
  void adopt_job(const std::string& id);
  Result<void> put_in_place(const JobSpec& spec, const JobFiles& job);
  Result<void> launch(const std::string& id, const JobFiles& job, const Descriptor& lock);
  // Call with run_mutex_ held; the job must not run.
  Result<void> forget(const std::string& id);
  // Folders owned by the job's user.
  std::vector<std::string> folders_of(const ProcessSpec& spec) const;
  Result<std::uint32_t> user_of(const ProcessSpec& spec);

  ProcessOptions options_;
  LocalVolumes volumes_;
  JobNetworks networks_;  // before the watcher, which uses it
  UserIds users_;
  Watcher watcher_;
  std::mutex run_mutex_;  // one job is prepared, started or forgotten at a time; each is short
  // Probing takes some milliseconds; neither the start nor the first job should wait for it.
  std::thread probe_;
  mutable std::once_flag probed_;
  mutable Isolation isolation_;
};

Result<void> ProcessDriverHere::adopt(JobListener& listener) {
  networks_.report_to(listener);
  TRY(watcher_.start(networks_));
  if (!probe_.joinable())
    probe_ = std::thread([this] {
      users_.sweep();
      tell_isolation(isolation());
    });
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(options_.directory, problem))
    if (entry.is_directory() && entry.path().filename() != kUsersFolder)
      adopt_job(entry.path().filename());
  if (problem) return fail(codes::kIo, "list " + options_.directory + ": " + problem.message());
  return {};
}

void ProcessDriverHere::adopt_job(const std::string& id) {
  const JobFiles job = files(id);
  if (Result<ShimSpec> spec = read_record<ShimSpec>(job.spec()); spec && spec->user_id != 0)
    users_.keep(spec->user_id, id, folders_of(spec->job));
  Result<Descriptor> lock = take_lock(job);
  const bool alive = !lock && lock.error().code == codes::kConflict;
  Result<ShimState> state = read_record<ShimState>(job.shim());
  // A living shim without its state has just started.
  constexpr int kAttemptsMax = 2000;
  for (int attempt = 0; alive && !state && attempt < kAttemptsMax; ++attempt) {
    ::usleep(1000);
    state = read_record<ShimState>(job.shim());
    if (take_lock(job)) break;
  }
  if (alive && state) {
    if (Result<ShimSpec> spec = read_record<ShimSpec>(job.spec()))
      networks_.adopt(spec->job, *state);
    return watcher_.watch(id, job, state->pid);
  }
  std::error_code ignored;
  // Prepared, but the server ended before it started the shim. It will be prepared again.
  if (!state && !fs::exists(job.exit(), ignored)) {
    (void)remove_tree(job.directory());
    return;
  }
  watcher_.watch(id, job, 0);
}

std::vector<std::string> ProcessDriverHere::folders_of(const ProcessSpec& spec) const {
  std::vector<std::string> folders = {files(spec.id).directory()};
  for (const Mount& mount : spec.mounts)
    if (!mount.read_only) folders.push_back(mount.source);
  return folders;
}

Result<std::uint32_t> ProcessDriverHere::user_of(const ProcessSpec& spec) {
  if (!spec.user_code || ::geteuid() != 0 || options_.user_id_count == 0) return 0;
  return users_.take(spec.id, folders_of(spec));
}

Result<void> ProcessDriverHere::prepare(const JobSpec& spec) {
  TRY(check_id(spec.id));
  std::lock_guard guard(run_mutex_);
  const JobFiles job = files(spec.id);
  if (::mkdir(job.directory().c_str(), 0700) != 0 && errno != EEXIST)
    return fail(system_error("make " + job.directory().string()));
  Result<Descriptor> lock = lock_unstarted(job);
  if (!lock && lock.error().code == codes::kConflict) return {};  // it is running
  if (!lock) return fail(lock.error());
  if (!is_not_started(job)) return {};  // it has run
  Result<void> placed = put_in_place(spec, job);
  if (!placed) (void)forget(spec.id);
  return placed;
}

Result<void> ProcessDriverHere::put_in_place(const JobSpec& spec, const JobFiles& job) {
  // Looked up only if it matters, because probing the machine takes some milliseconds.
  const bool own_view = spec.volumes.empty() || isolation().mount_namespace;
  const PlanContext context{options_, volumes_, own_view};
  ShimSpec shim_spec{TRY(plan_process(spec, context)), 0, options_.log_bytes_max};
  TRY(make_mount_points(spec, context));
  // Prepared before: the user stays the same.
  if (const Result<ShimSpec> earlier = read_record<ShimSpec>(job.spec()))
    shim_spec.user_id = earlier->user_id;
  else
    shim_spec.user_id = TRY(user_of(shim_spec.job));
  if (options_.complete) options_.complete(shim_spec.job);
  if (spec.network == JobNetwork::isolated && !networks_.find(spec.id))
    TRY(networks_.make(shim_spec.job));
  return write_file_durably(job.spec(), to_json(shim_spec));
}

Result<void> ProcessDriverHere::start(const std::string& id) {
  TRY(check_id(id));
  std::lock_guard guard(run_mutex_);
  const JobFiles job = files(id);
  std::error_code ignored;
  if (!fs::exists(job.spec(), ignored))
    return fail(codes::kNotFound, "job " + id + " is not prepared");
  Result<Descriptor> lock = lock_unstarted(job);
  if (!lock && lock.error().code == codes::kConflict) return {};  // it is running
  if (!lock) return fail(lock.error());
  if (!is_not_started(job)) return {};  // it has run
  Result<void> launched = launch(id, job, *lock);
  if (!launched) (void)forget(id);
  return launched;
}

Result<void> ProcessDriverHere::launch(const std::string& id, const JobFiles& job,
                                       const Descriptor& lock) {
  const ShimSpec spec = TRY(read_record<ShimSpec>(job.spec()));
  const auto network = networks_.find(id);
  if (spec.job.network == JobNetwork::isolated && !network)
    return fail(codes::kIo, "the network of job " + id + " is gone");
  SpawnedShim shim =
      TRY(spawn_shim(options_.shim_command, {"--directory", job.directory().string()}, lock,
                     network ? network->descriptor() : -1));
  std::error_code ignored;
  if (shim.answer != "started" && !fs::exists(job.shim(), ignored)) {
    ::waitpid(shim.pid, nullptr, 0);
    return fail(codes::kIo, "The job's supervising process could not start: " +
                                (shim.answer.empty() ? "it ended at once" : shim.answer));
  }
  watcher_.watch(id, job, shim.pid);
  return {};
}

Result<void> ProcessDriverHere::stop(const std::string& id, std::chrono::seconds grace) {
  TRY(check_id(id));
  const JobFiles job = files(id);
  {
    std::lock_guard guard(run_mutex_);  // it may be about to start
    if (is_not_started(job) && lock_unstarted(job)) return forget(id);
  }
  Descriptor control(::open(job.control().c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!control && errno == ENXIO) return {};  // no shim reads it any more: the job is over
  if (!control && errno == ENOENT) {
    if (fs::exists(job.exit())) return {};
    return fail(codes::kNotFound, "there is no job " + id);
  }
  if (!control || !write_all(control.get(), "stop " + std::to_string(grace.count()) + "\n"))
    return fail(system_error("stop job " + id));
  return {};
}

Result<JobStatus> ProcessDriverHere::observe(const std::string& id) {
  TRY(check_id(id));
  JobStatus status;
  const JobFiles job = files(id);
  status.exit = TRY(read_exit(job));
  Result<ShimState> state = read_record<ShimState>(job.shim());
  if (status.exit) {
    status.state = JobState::exited;
  } else if (state && process_start_ticks(state->pid) == state->start_ticks) {
    status.state = JobState::running;
    const Usage usage = usage_of_children(state->pid);
    status.memory_bytes = usage.memory_bytes;
    status.cpu_seconds = usage.cpu_seconds;
  } else if (state) {
    // The shim was killed; the watcher is about to record the exit.
    status.state = JobState::running;
  } else if (is_only_prepared(job)) {
    status.state = JobState::prepared;
  }
  return status;
}

Result<LogPart> ProcessDriverHere::log(const std::string& id, std::uint64_t offset,
                                       std::size_t bytes_max) {
  TRY(check_id(id));
  if (is_only_prepared(files(id))) return LogPart{{}, offset};
  return read_log_part(files(id).log(), offset, bytes_max);
}

Result<LogTail> ProcessDriverHere::log_tail(const std::string& id, std::size_t bytes_max) {
  TRY(check_id(id));
  return read_log_tail(files(id).log(), bytes_max);
}

Result<void> ProcessDriverHere::remove(const std::string& id) {
  TRY(check_id(id));
  const JobFiles job = files(id);
  std::error_code problem;
  std::unique_lock guard(run_mutex_);
  if (!fs::exists(job.directory(), problem)) return {};
  if (is_not_started(job) && lock_unstarted(job)) return forget(id);
  if (!fs::exists(job.exit(), problem))
    return fail(codes::kConflict, "job " + id + " still runs; stop it first");
  guard.unlock();  // the listener may be in a call about the job that starts another one
  watcher_.forget(id);
  guard.lock();
  return forget(id);
}

Result<void> ProcessDriverHere::forget(const std::string& id) {
  const JobFiles job = files(id);
  networks_.drop(id);
  const Result<ShimSpec> spec = read_record<ShimSpec>(job.spec());
  TRY(remove_tree(job.directory()));
  if (spec && spec->user_id != 0) users_.give_back(spec->user_id);
  return {};
}

Address ProcessDriverHere::address(const std::string& id, std::uint16_t port) {
  if (!check_id(id)) return {};
  if (port == 0) return {files(id).socket(), 0, nullptr};
  return {"", port, networks_.find(id)};
}

bool ProcessDriverHere::listens(const std::string& id, std::uint16_t port) {
  if (!check_id(id)) return false;
  const Result<ShimState> shim = read_record<ShimState>(files(id).shim());
  return shim && process_start_ticks(shim->pid) == shim->start_ticks &&
         descendants_listen(shim->pid, port);
}

Isolation ProcessDriverHere::isolation() const {
  std::call_once(probed_, [this] {
    isolation_.explanation = "the machine could not be probed";
    Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    Result<SpawnedShim> shim = spawn_shim(options_.shim_command, {"--probe"}, null);
    if (!shim) return;
    ::waitpid(shim->pid, nullptr, 0);
    if (Result<Isolation> found = from_json<Isolation>(shim->answer)) isolation_ = *found;
  });
  return isolation_;
}

}  // namespace

Result<std::unique_ptr<ProcessDriver>> make_process_driver(ProcessOptions options, Clock& clock) {
  for (const std::string& folder : {options.directory, options.volumes_directory})
    if (!fs::path(folder).is_absolute())
      return fail(codes::kInvalid, "the folders of jobs and volumes must be absolute paths");
  if (options.shim_command.empty())
    return fail(codes::kInvalid, "the process driver needs a shim command");
  std::error_code problem;
  fs::create_directories(options.directory, problem);
  if (problem) return fail(codes::kIo, "make " + options.directory + ": " + problem.message());
  ::chmod(options.directory.c_str(), 0700);
  return std::unique_ptr<ProcessDriver>(
      std::make_unique<ProcessDriverHere>(std::move(options), clock));
}

}  // namespace tidemill::compute
