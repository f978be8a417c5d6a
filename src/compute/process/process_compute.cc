#include "compute/process/process_compute.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/file_tree.h"
#include "base/log.h"
#include "compute/process/job_files.h"
#include "compute/process/job_network.h"
#include "compute/process/port_owner.h"
#include "compute/process/spawn.h"
#include "compute/process/usage.h"
#include "compute/process/user_ids.h"
#include "compute/process/watcher.h"

namespace tidemill::compute {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kIdBytesMax = 128;
// Beside the jobs' folders; no job's id begins with a dot.
constexpr const char* kUsersFolder = ".users";

Result<void> check_id(const std::string& id) {
  constexpr std::string_view kAllowed =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  if (id.empty() || id.size() > kIdBytesMax || id.starts_with('.') ||
      id.find_first_not_of(kAllowed) != id.npos)
    return fail(codes::kInvalid, "'" + id + "' is no job id");
  return {};
}

void tell_isolation(const Isolation& isolation) {
  if (isolation.explanation.empty())
    log::info("jobs run in full isolation");
  else
    log::warning("jobs are not fully isolated on this machine",
                 {{"missing", isolation.explanation}});
}

class ProcessCompute final : public Compute {
 public:
  ProcessCompute(ProcessOptions options, Clock& clock)
      : options_(std::move(options)),
        users_(options_.directory + "/" + kUsersFolder, options_.user_id_first,
               options_.user_id_count),
        watcher_(clock) {}
  ~ProcessCompute() override {
    watcher_.stop();
    if (probe_.joinable()) probe_.join();
  }

  Result<void> start(JobListener& listener) override;
  void stop_watching() override { watcher_.stop(); }
  Result<void> run(const JobSpec& spec) override;
  Result<void> stop(const std::string& id, std::chrono::seconds grace) override;
  Result<JobStatus> status(const std::string& id) override;
  Result<LogTail> log_tail(const std::string& id, std::size_t bytes_max) override;
  Result<void> remove(const std::string& id) override;
  Isolation isolation() const override;
  void serve_through(JobDoors& doors) override { networks_.serve_through(doors); }
  std::shared_ptr<const runtime::NetworkNamespace> network_of(const std::string& id) override {
    return networks_.find(id);
  }
  bool listens(const std::string& id, std::uint16_t port) override {
    const Result<ShimState> shim = read_record<ShimState>(files(id).shim());
    return shim && process_start_ticks(shim->pid) == shim->start_ticks &&
           descendants_listen(shim->pid, port);
  }
  std::string socket_path(const std::string& id) override { return files(id).socket(); }

 private:
  JobFiles files(const std::string& id) const {
    return JobFiles(fs::path(options_.directory) / id);
  }
  void adopt(const std::string& id);
  // What belongs to the job's user.
  std::vector<std::string> folders_of(const JobSpec& spec) const;
  Result<std::uint32_t> user_of(const JobSpec& spec);

  ProcessOptions options_;
  JobNetworks networks_;  // before the watcher, which reports to it
  UserIds users_;
  Watcher watcher_;
  std::mutex run_mutex_;  // one run() of an id at a time; starting is short
  // Probing takes some milliseconds, which neither the start nor the first job should wait for.
  std::thread probe_;
  mutable std::once_flag probed_;
  mutable Isolation isolation_;
};

Result<void> ProcessCompute::start(JobListener& listener) {
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
      adopt(entry.path().filename());
  if (problem) return fail(codes::kIo, "list " + options_.directory + ": " + problem.message());
  return {};
}

void ProcessCompute::adopt(const std::string& id) {
  const JobFiles job = files(id);
  if (Result<ShimSpec> spec = read_record<ShimSpec>(job.spec()); spec && spec->user_id != 0)
    users_.keep(spec->user_id, id, folders_of(spec->job));
  Result<Descriptor> lock = take_lock(job);
  const bool alive = !lock && lock.error().code == codes::kConflict;
  Result<ShimState> state = read_record<ShimState>(job.shim());
  // A living shim without its state is in its first milliseconds.
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
  // Never started: the server ended between the folder and the shim. run() will come again.
  if (!state && !fs::exists(job.exit(), ignored)) {
    (void)remove_tree(job.directory());
    return;
  }
  watcher_.watch(id, job, 0);
}

std::vector<std::string> ProcessCompute::folders_of(const JobSpec& spec) const {
  std::vector<std::string> folders = {files(spec.id).directory()};
  for (const Mount& mount : spec.mounts)
    if (!mount.read_only) folders.push_back(mount.source);
  return folders;
}

Result<std::uint32_t> ProcessCompute::user_of(const JobSpec& spec) {
  if (!spec.user_code || ::geteuid() != 0 || options_.user_id_count == 0) return 0;
  return users_.take(spec.id, folders_of(spec));
}

Result<void> ProcessCompute::run(const JobSpec& spec) {
  TRY(check_id(spec.id));
  if (spec.command.empty() || spec.command[0].empty())
    return fail(codes::kInvalid, "job " + spec.id + " has no command");
  std::lock_guard guard(run_mutex_);
  const JobFiles job = files(spec.id);
  if (::mkdir(job.directory().c_str(), 0700) != 0 && errno != EEXIST)
    return fail(system_error("make " + job.directory().string()));
  Result<Descriptor> lock = take_lock(job);
  if (!lock && lock.error().code == codes::kConflict) return {};  // it runs
  if (!lock) return fail(lock.error());
  std::error_code ignored;
  if (fs::exists(job.shim(), ignored) || fs::exists(job.exit(), ignored)) return {};  // it ran
  ShimSpec shim_spec{spec, TRY(user_of(spec)), options_.log_bytes_max};
  if (options_.complete) options_.complete(shim_spec.job);
  const auto give_up = [&] {
    networks_.drop(spec.id);
    (void)remove_tree(job.directory());
  };
  std::shared_ptr<const runtime::NetworkNamespace> network;
  if (spec.network == JobNetwork::isolated) {
    Result<std::shared_ptr<const runtime::NetworkNamespace>> made = networks_.make(spec);
    if (!made) {
      give_up();
      return fail(made.error());
    }
    network = *std::move(made);
  }
  if (Result<void> written = write_file_durably(job.spec(), to_json(shim_spec)); !written) {
    give_up();
    return written;
  }
  Result<SpawnedShim> shim =
      spawn_shim(options_.shim_command, {"--directory", job.directory().string()}, *lock,
                 network ? network->descriptor() : -1);
  if (!shim) {
    give_up();
    return fail(shim.error());
  }
  if (shim->answer != "started" && !fs::exists(job.shim(), ignored)) {
    ::waitpid(shim->pid, nullptr, 0);
    give_up();
    return fail(codes::kIo, "The job's supervising process could not start: " +
                                (shim->answer.empty() ? "it ended at once" : shim->answer));
  }
  watcher_.watch(spec.id, job, shim->pid);
  return {};
}

Result<void> ProcessCompute::stop(const std::string& id, std::chrono::seconds grace) {
  TRY(check_id(id));
  Descriptor control(::open(files(id).control().c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  if (!control && errno == ENXIO) return {};  // no shim reads it any more: the job is over
  if (!control && errno == ENOENT) {
    if (fs::exists(files(id).exit())) return {};
    return fail(codes::kNotFound, "there is no job " + id);
  }
  if (!control || !write_all(control.get(), "stop " + std::to_string(grace.count()) + "\n"))
    return fail(system_error("stop job " + id));
  return {};
}

Result<JobStatus> ProcessCompute::status(const std::string& id) {
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
    // The shim was killed; the watcher is about to write the exit.
    status.state = JobState::running;
  }
  return status;
}

namespace {

// Of whole records of a log file. One at a time, since a log may have millions of short lines.
// Moments are no closer, so that they take little beside the text.
LogTail tail_of(std::string_view records, std::size_t bytes_max) {
  constexpr std::int64_t kMomentMicroseconds = 1000;
  LogTail tail;
  std::size_t lines = 0;
  while (true) {
    const std::size_t end = records.find('\n');
    if (end == records.npos) break;
    const LogLine line = parse_log_record(records.substr(0, end));
    records.remove_prefix(end + 1);
    tail.text.append(line.text).append("\n");
    // A torn record without a time was written when the one before it was.
    const bool moved =
        line.time.microseconds != 0 &&
        (tail.moments.empty() ||
         std::abs((line.time - tail.moments.back().time).count()) >= kMomentMicroseconds);
    if (moved) tail.moments.push_back({lines, line.time});
    ++lines;
  }
  if (tail.text.size() <= bytes_max) return tail;
  const std::size_t cut = tail.text.size() - bytes_max;
  const auto gone =
      static_cast<std::size_t>(std::count(tail.text.begin(), tail.text.begin() + cut, '\n'));
  tail.text.erase(0, cut);
  // The moment of the first line that is left stays.
  auto first = std::ranges::upper_bound(tail.moments, gone, {}, &LogTail::Moment::line);
  if (first != tail.moments.begin()) --first;
  tail.moments.erase(tail.moments.begin(), first);
  for (LogTail::Moment& moment : tail.moments)
    moment.line = moment.line > gone ? moment.line - gone : 0;
  return tail;
}

}  // namespace

Result<LogTail> ProcessCompute::log_tail(const std::string& id, std::size_t bytes_max) {
  TRY(check_id(id));
  Descriptor file(::open(files(id).log().c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail(system_error("open the log of job " + id));
  const off_t size = ::lseek(file.get(), 0, SEEK_END);
  // Records are longer than their text, so this many bytes of records give at most that much text;
  // twice as many leave room for the times.
  const off_t begin = std::max<off_t>(0, size - off_t(bytes_max) * 2 - off_t(kLogLineBytesMax));
  std::string bytes(static_cast<std::size_t>(size - begin), '\0');
  const ssize_t count = ::pread(file.get(), bytes.data(), bytes.size(), begin);
  if (count < 0) return fail(system_error("read the log of job " + id));
  bytes.resize(static_cast<std::size_t>(count));
  if (begin > 0) bytes.erase(0, bytes.find('\n') + 1);
  return tail_of(bytes, bytes_max);
}

Result<void> ProcessCompute::remove(const std::string& id) {
  TRY(check_id(id));
  const JobFiles job = files(id);
  std::error_code problem;
  if (!fs::exists(job.directory(), problem)) return {};
  if (!fs::exists(job.exit(), problem))
    return fail(codes::kConflict, "job " + id + " still runs; stop it first");
  watcher_.forget(id);
  networks_.drop(id);
  const Result<ShimSpec> spec = read_record<ShimSpec>(job.spec());
  TRY(remove_tree(job.directory()));
  if (spec && spec->user_id != 0) users_.give_back(spec->user_id);
  return {};
}

Isolation ProcessCompute::isolation() const {
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

Result<std::unique_ptr<Compute>> make_process_compute(ProcessOptions options, Clock& clock) {
  if (!fs::path(options.directory).is_absolute())
    return fail(codes::kInvalid, "the jobs' folder must be an absolute path");
  if (options.shim_command.empty())
    return fail(codes::kInvalid, "the process back end needs a shim command");
  std::error_code problem;
  fs::create_directories(options.directory, problem);
  if (problem) return fail(codes::kIo, "make " + options.directory + ": " + problem.message());
  ::chmod(options.directory.c_str(), 0700);
  return std::unique_ptr<Compute>(std::make_unique<ProcessCompute>(std::move(options), clock));
}

}  // namespace tidemill::compute
