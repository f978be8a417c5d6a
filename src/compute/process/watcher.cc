#include "compute/process/watcher.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.h"
#include "compute/process/cgroup.h"

namespace tidemill::compute {

namespace {

constexpr std::chrono::milliseconds kRetryDelay{250};
// The longest wait of forget() for a listener that refuses lines, or a shim that does not end.
constexpr std::chrono::seconds kLastLinesTime{5};
constexpr std::size_t kReadBytes = 1 << 20;  // more than the longest record
static_assert(kReadBytes > kLogLineBytesMax + 64);

void add_to_epoll(int epoll, int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = descriptor;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

}  // namespace

Result<void> Watcher::start(JobListener& listener) {
  epoll_ = Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  inotify_ = Descriptor(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  wake_ = Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll_ || !inotify_ || !wake_) return fail(system_error("watch jobs"));
  add_to_epoll(epoll_.get(), inotify_.get());
  add_to_epoll(epoll_.get(), wake_.get());
  listener_ = &listener;
  stopping_ = false;
  thread_ = std::thread([this] { run(); });
  return {};
}

void Watcher::stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
  std::lock_guard lock(mutex_);
  delivered_.notify_all();
  jobs_.clear();
  by_log_watch_.clear();
  by_shim_.clear();
}

void Watcher::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof one);
}

void Watcher::watch(const std::string& id, const JobFiles& files, int shim_pid) {
  std::lock_guard lock(mutex_);
  if (jobs_.contains(id) || stopping_ || !epoll_) return;
  auto job = std::make_shared<Job>(Job{.id = id, .files = files, .shim_pid = shim_pid});
  open_job(*job);
  jobs_.emplace(id, std::move(job));
  due_.insert(id);
  wake();
}

void Watcher::open_job(Job& job) {
  // Watch before the first read, so that no line is missed.
  job.log_watch = ::inotify_add_watch(inotify_.get(), job.files.log().c_str(), IN_MODIFY);
  if (job.log_watch >= 0) by_log_watch_[job.log_watch] = job.id;
  job.log = Descriptor(::open(job.files.log().c_str(), O_RDONLY | O_CLOEXEC));
  job.acknowledged_file =
      Descriptor(::open(job.files.acknowledged().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (job.acknowledged_file && ::pread(job.acknowledged_file.get(), &job.acknowledged,
                                       sizeof job.acknowledged, 0) != sizeof job.acknowledged)
    job.acknowledged = 0;
  if (job.shim_pid > 0)
    job.shim = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, job.shim_pid, 0)));
  job.ended = !job.shim;
  if (job.ended) return;
  by_shim_[job.shim.get()] = job.id;
  add_to_epoll(epoll_.get(), job.shim.get());
}

void Watcher::close_job(Job& job) {
  if (job.log_watch >= 0) {
    ::inotify_rm_watch(inotify_.get(), job.log_watch);
    by_log_watch_.erase(job.log_watch);
  }
  by_shim_.erase(job.shim.get());
  due_.erase(job.id);
  jobs_.erase(job.id);
}

void Watcher::forget(const std::string& id) {
  const bool within_call = std::this_thread::get_id() == thread_.get_id();
  std::unique_lock lock(mutex_);
  // The job's exit is on disk before its last lines were read, and its log goes with it.
  if (!within_call)
    delivered_.wait_for(lock, kLastLinesTime, [&] { return stopping_ || !jobs_.contains(id); });
  if (auto found = jobs_.find(id); found != jobs_.end()) close_job(*found->second);
  if (!within_call) delivered_.wait(lock, [&] { return delivering_ != id; });
}

int Watcher::next_timeout() {
  std::lock_guard lock(mutex_);
  int timeout = -1;
  const auto now = std::chrono::steady_clock::now();
  for (const std::string& id : due_) {
    auto found = jobs_.find(id);
    if (found == jobs_.end()) continue;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(found->second->retry_at - now);
    const int milliseconds = static_cast<int>(std::max<std::int64_t>(0, wait.count()));
    timeout = timeout < 0 ? milliseconds : std::min(timeout, milliseconds);
  }
  return timeout;
}

void Watcher::take_event(int descriptor) {
  alignas(inotify_event) char buffer[16 * 1024];
  if (descriptor == wake_.get()) {
    (void)!::read(descriptor, buffer, sizeof(std::uint64_t));
    return;
  }
  std::lock_guard lock(mutex_);
  if (descriptor != inotify_.get()) {
    auto found = by_shim_.find(descriptor);
    if (found == by_shim_.end()) return;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor, nullptr);
    jobs_.at(found->second)->ended = true;
    due_.insert(found->second);
    return;
  }
  for (;;) {
    const ssize_t count = ::read(descriptor, buffer, sizeof buffer);
    if (count <= 0) return;
    for (char* position = buffer; position < buffer + count;) {
      auto* event = reinterpret_cast<inotify_event*>(position);
      position += sizeof(inotify_event) + event->len;
      if (event->mask & IN_Q_OVERFLOW)
        for (const auto& [id, job] : jobs_) due_.insert(id);
      if (auto found = by_log_watch_.find(event->wd); found != by_log_watch_.end())
        due_.insert(found->second);
    }
  }
}

void Watcher::run() {
  constexpr int kEventsMax = 64;
  epoll_event events[kEventsMax];
  for (;;) {
    const int count = ::epoll_wait(epoll_.get(), events, kEventsMax, next_timeout());
    for (int i = 0; i < count; ++i) take_event(events[i].data.fd);
    std::vector<std::string> due;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      const auto now = std::chrono::steady_clock::now();
      for (const std::string& id : due_)
        if (auto found = jobs_.find(id); found != jobs_.end() && found->second->retry_at <= now)
          due.push_back(id);
      for (const std::string& id : due) due_.erase(id);
    }
    for (const std::string& id : due) turn(id);
  }
}

void Watcher::turn(const std::string& id) {
  std::shared_ptr<Job> job;
  {
    std::lock_guard lock(mutex_);
    auto found = jobs_.find(id);
    if (found == jobs_.end() || stopping_) return;
    job = found->second;
    delivering_ = id;
  }
  // Read before the lines: if the shim has ended, the log is complete.
  const bool ended = job->ended;
  const bool complete = deliver_lines(*job);
  if (complete && ended) listener_->job_exited(id, exit_of(*job));
  std::lock_guard lock(mutex_);
  delivering_.clear();
  delivered_.notify_all();
  auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second != job) return;
  if (complete && ended)
    close_job(*job);
  else if (!complete)
    due_.insert(id);
}

bool Watcher::deliver_lines(Job& job) {
  if (!job.log) return true;
  std::string bytes(kReadBytes, '\0');
  const ssize_t count =
      ::pread(job.log.get(), bytes.data(), bytes.size(), static_cast<off_t>(job.acknowledged));
  if (count <= 0) return true;
  bytes.resize(static_cast<std::size_t>(count));
  const std::vector<LogLine> lines = parse_log(bytes, job.acknowledged);
  if (lines.empty()) return true;
  if (!listener_->job_logged(job.id, lines)) {
    job.retry_at = std::chrono::steady_clock::now() + kRetryDelay;
    return false;
  }
  job.acknowledged = lines.back().offset;
  job.retry_at = {};
  // Not synced: after a power cut the listener gets some lines twice, which it must handle.
  if (::pwrite(job.acknowledged_file.get(), &job.acknowledged, sizeof job.acknowledged, 0) < 0)
    log::warning("a job's log position could not be kept", {{"job", job.id}});
  return bytes.size() < kReadBytes;
}

JobExit Watcher::exit_of(const Job& job) {
  // Reaps the shim if it is our child; init reaps those of an earlier server.
  if (job.shim_pid > 0) ::waitpid(job.shim_pid, nullptr, WNOHANG);
  Result<std::optional<JobExit>> written = read_exit(job.files);
  if (written && *written) return **written;
  // The shim was killed. Nobody can record the end of what it left running, so end that now.
  JobExit exit;
  exit.signal = SIGKILL;
  exit.exit_code = 128 + SIGKILL;
  exit.reason = "The process that supervised the job was killed, and the job with it.";
  exit.started = exit.ended = clock_.now();
  if (Result<ShimState> state = read_record<ShimState>(job.files.shim())) {
    const JobCgroup cgroup(state->cgroups);
    constexpr int kRoundsMax = 100;
    for (int round = 0; round < kRoundsMax && cgroup.kill_members(); ++round) ::usleep(1000);
    cgroup.remove();
    if (state->job_pid > 0 && process_start_ticks(state->job_pid) == state->job_start_ticks)
      ::kill(-state->job_pid, SIGKILL);
  }
  if (Result<void> kept = write_file_durably(job.files.exit(), to_json(exit)); !kept)
    log::error("a job's exit could not be written",
               {{"job", job.id}, {"problem", kept.error().message}});
  return exit;
}

}  // namespace tidemill::compute
