#include "compute/process/shim.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <utility>

#include "base/file_tree.h"
#include "compute/process/cgroup.h"
#include "compute/process/job_files.h"
#include "compute/process/job_network.h"
#include "compute/process/job_process.h"
#include "compute/process/log_writer.h"
#include "compute/process/probe.h"
#include "compute/process/usage.h"
#include "compute/process/volume_watch.h"

namespace tidemill::compute {

namespace {

// Grace period for the job when the machine shuts down and the shim is told to end.
constexpr int kShutdownGraceSeconds = 30;

// Only the first answer counts; later the descriptor's number may refer to something else.
void answer(std::string text) {
  static bool answered = false;
  if (std::exchange(answered, true)) return;
  text += '\n';
  write_all(kShimAnswerDescriptor, text);
  ::close(kShimAnswerDescriptor);
}

class Shim {
 public:
  Shim(JobFiles files, ShimSpec spec) : files_(std::move(files)), spec_(std::move(spec)) {}
  Result<void> run();

 private:
  Result<void> prepare();
  void watch_volume();
  Result<void> write_state();
  void loop();
  void read_output();
  void read_control();
  void begin_stop(int grace_seconds);
  // True when the job's own process has ended.
  bool reap();
  void kill_everything();
  bool is_volume_exceeded();
  Result<void> write_exit();

  JobFiles files_;
  ShimSpec spec_;
  SystemClock clock_;
  JobCgroup cgroup_;
  JobProcess process_;
  Descriptor socket_;  // for the job; closed once passed on, so that it ends with the job
  std::unique_ptr<LogWriter> log_;
  Descriptor control_, signals_, timer_;
  VolumeWatch volume_;
  std::chrono::steady_clock::time_point volume_look_at_ = {};
  JobExit exit_;
};

Result<void> Shim::prepare() {
  // Makes us the parent of the job's orphans, so that none escapes the end.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t watched;
  ::sigemptyset(&watched);
  for (int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&watched, number);
  ::sigprocmask(SIG_SETMASK, &watched, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  signals_ = Descriptor(::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK));
  timer_ = Descriptor(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (::mkfifo(files_.control().c_str(), 0600) != 0 && errno != EEXIST)
    return fail(system_error("make " + files_.control()));
  // Read-write, so that reads do not return an end of file when a writer leaves.
  control_ = Descriptor(::open(files_.control().c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  Descriptor log(::open(files_.log().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!signals_ || !timer_ || !control_ || !log) return fail(system_error("prepare the shim"));
  log_ = std::make_unique<LogWriter>(std::move(log), spec_.log_bytes_max);
  const ProcessSpec& job = spec_.job;
  if (job.network == JobNetwork::isolated) TRY(enter_network(kShimNetworkDescriptor));
  if (job.bound_socket) socket_ = TRY(bind_job_socket(files_));
  if (job.memory_bytes_max > 0 || job.cpus_max > 0 || job.processes_max > 0)
    cgroup_ = JobCgroup::make(find_cgroup_support(), job.id + "-" + std::to_string(::getpid()),
                              {job.memory_bytes_max, job.cpus_max, job.processes_max});
  if (job.volume_bytes_max > 0) watch_volume();
  return {};
}

void Shim::watch_volume() {
  std::vector<std::string> folders = {files_.tmp(), files_.var_tmp()};
  for (const Mount& mount : spec_.job.mounts)
    if (!mount.read_only) folders.push_back(mount.source);
  volume_ = VolumeWatch(std::move(folders), spec_.job.volume_bytes_max,
                        [] { return descendants(::getpid()); });
}

bool Shim::is_volume_exceeded() {
  const auto now = std::chrono::steady_clock::now();
  if (!volume_.is_limited() || now < volume_look_at_) return false;
  volume_look_at_ = now + kVolumeLookInterval;
  return volume_.is_exceeded([this] {
    pollfd urgent[] = {
        {control_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}, {timer_.get(), POLLIN, 0}};
    return ::poll(urgent, std::size(urgent), 0) > 0;
  });
}

Result<void> Shim::write_state() {
  ShimState state{::getpid(), process_start_ticks(::getpid()), process_.pid,
                  process_.pid ? process_start_ticks(process_.pid) : 0, cgroup_.folders()};
  // Renamed into place, not synced: after a power cut there is no process to find anyway.
  const std::string temporary = files_.shim() + ".new";
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file || !write_all(file.get(), to_json(state)) ||
      ::rename(temporary.c_str(), files_.shim().c_str()) != 0)
    return fail(system_error("write " + files_.shim()));
  return {};
}

Result<void> Shim::run() {
  TRY(prepare());
  exit_.started = clock_.now();
  process_ = start_job_process(spec_, files_, cgroup_, socket_.get());
  socket_.reset();
  TRY(write_state());
  answer("started");
  if (process_.problem.empty()) {
    loop();
    kill_everything();
    read_output();
    exit_.out_of_memory = cgroup_.out_of_memory();
  } else {
    exit_.exit_code = 127;
    exit_.reason = process_.problem;
  }
  log_->finish(clock_.now());
  cgroup_.remove();
  TRY(write_exit());
  // After the exit, which must not wait for large folders; the server removes any rest.
  (void)remove_tree(files_.tmp());
  (void)remove_tree(files_.var_tmp());
  return {};
}

void Shim::loop() {
  enum { kOutput, kControl, kSignals, kTimer, kCount };
  pollfd watched[kCount] = {{process_.output.get(), POLLIN, 0},
                            {control_.get(), POLLIN, 0},
                            {signals_.get(), POLLIN, 0},
                            {timer_.get(), POLLIN, 0}};
  for (;;) {
    const int wait = volume_.is_limited() ? int(kVolumeLookInterval.count()) : -1;
    if (::poll(watched, kCount, wait) < 0 && errno != EINTR) return;
    if (is_volume_exceeded()) {
      exit_.out_of_volume = true;
      kill_everything();
      return;
    }
    if (watched[kOutput].revents) {
      read_output();
      // All writers have closed it: the job may continue without output.
      if (!(watched[kOutput].revents & POLLIN)) watched[kOutput].fd = -1;
    }
    if (watched[kControl].revents) read_control();
    if (watched[kTimer].revents) {
      std::uint64_t expirations;
      (void)!::read(timer_.get(), &expirations, sizeof expirations);
      kill_everything();
      return;
    }
    if (watched[kSignals].revents && reap()) return;
  }
}

void Shim::read_output() {
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t count = ::read(process_.output.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    log_->append({buffer, static_cast<std::size_t>(count)}, clock_.now());
    // Return to the loop between pieces, so that a job that prints without pause can be stopped.
    if (exit_.ended.microseconds == 0) return;
  }
}

void Shim::read_control() {
  char buffer[256];
  const ssize_t count = ::read(control_.get(), buffer, sizeof buffer - 1);
  if (count <= 0) return;
  buffer[count] = 0;
  constexpr std::string_view kStop = "stop ";
  for (const char* line = buffer; line; line = std::strchr(line, '\n')) {
    if (*line == '\n') ++line;
    if (std::string_view(line).starts_with(kStop)) begin_stop(std::atoi(line + kStop.size()));
  }
}

void Shim::begin_stop(int grace_seconds) {
  itimerspec left{};
  ::timerfd_gettime(timer_.get(), &left);
  const bool running = left.it_value.tv_sec || left.it_value.tv_nsec;
  // A second request may shorten the grace period, but not lengthen it.
  if (!running || left.it_value.tv_sec >= grace_seconds) {
    itimerspec timer{};
    timer.it_value.tv_sec = grace_seconds;
    if (grace_seconds <= 0) timer.it_value.tv_nsec = 1;
    ::timerfd_settime(timer_.get(), 0, &timer, nullptr);
  }
  if (exit_.stop_requested) return;
  exit_.stop_requested = true;
  ::kill(-process_.pid, SIGTERM);
}

bool Shim::reap() {
  signalfd_siginfo info;
  while (::read(signals_.get(), &info, sizeof info) == sizeof info)
    if (info.ssi_signo == SIGTERM) begin_stop(kShutdownGraceSeconds);
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid <= 0) return false;
    if (pid != process_.pid) continue;
    exit_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    exit_.exit_code = exit_.signal ? 128 + exit_.signal : WEXITSTATUS(status);
    exit_.ended = clock_.now();
    return true;
  }
}

void Shim::kill_everything() {
  // Nothing survives the first process, as in a container. Each round kills all remaining
  // processes; orphans become our children, so the rounds end when there are none.
  ::kill(-process_.pid, SIGKILL);
  for (;;) {
    cgroup_.kill_members();
    for (int child : child_processes(::getpid())) ::kill(child, SIGKILL);
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, 0);
    if (pid < 0 && errno == EINTR) continue;
    if (pid < 0) break;
    if (pid != process_.pid) continue;
    exit_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    exit_.exit_code = exit_.signal ? 128 + exit_.signal : WEXITSTATUS(status);
  }
  if (exit_.ended.microseconds == 0) exit_.ended = clock_.now();
}

Result<void> Shim::write_exit() {
  if (exit_.ended.microseconds == 0) exit_.ended = clock_.now();
  // On a full disk the exit waits for room, because its record would be lost with this process.
  constexpr int kAttemptsMax = 3600;
  for (int attempt = 1;; ++attempt) {
    Result<void> written = write_file_durably(files_.exit(), to_json(exit_));
    if (written || attempt == kAttemptsMax || written.error().code == codes::kNotFound)
      return written;
    ::sleep(1);
  }
}

}  // namespace

int shim_main(int argc, char** argv) {
  std::string directory;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--probe") return probe(answer);
    if (argument == "--directory" && i + 1 < argc) directory = argv[++i];
  }
  if (directory.empty() || ::fcntl(kShimLockDescriptor, F_GETFD) < 0) {
    constexpr std::string_view kUsage =
        "tidemill shim is started by tidemill serve for each job; do not start it by hand\n";
    write_all(STDERR_FILENO, kUsage);
    return 2;
  }
  ::fcntl(kShimLockDescriptor, F_SETFD, FD_CLOEXEC);
  ::fcntl(kShimAnswerDescriptor, F_SETFD, FD_CLOEXEC);
  JobFiles files{directory};
  Result<ShimSpec> spec = read_record<ShimSpec>(files.spec());
  Result<void> done = spec ? Shim(files, *std::move(spec)).run() : Result<void>(fail(spec.error()));
  if (done) return 0;
  answer(done.error().message);
  return 1;
}

}  // namespace tidemill::compute
