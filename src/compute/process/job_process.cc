#include "compute/process/job_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "compute/process/limits.h"
#include "compute/process/mounts.h"
#include "compute/process/sandbox.h"
#include "compute/process/system_calls.h"

namespace tidemill::compute {

namespace {

std::vector<std::string> make_environment(const ProcessSpec& job) {
  std::map<std::string, std::string> variables = {
      {"PATH", kDefaultPath},
      {"HOME", job.working_directory.empty() ? "/" : job.working_directory},
      {"LANG", "C.UTF-8"}};
  for (const auto& [name, value] : job.environment) variables[name] = value;
  if (job.bound_socket) variables[kJobSocketVariable] = std::to_string(kJobSocketDescriptor);
  std::vector<std::string> environment;
  environment.reserve(variables.size());
  for (const auto& [name, value] : variables) environment.push_back(name + "=" + value);
  return environment;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Sticky and open to everybody, like /tmp; only the job can see it.
Result<void> make_temporary(const std::string& path) {
  constexpr mode_t kMode = 01777;
  if ((::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) || ::chmod(path.c_str(), kMode) != 0)
    return fail(system_error("make " + path));
  return {};
}

// Services of the machine that resolve names for any process that connects to their unix sockets: a
// way out of an isolated network.
constexpr const char* kNameServices[] = {"/run/nscd", "/run/systemd/resolve", "/run/dbus"};

// Folders that all users of a machine can write to, and the job's replacements for them.
Result<std::vector<Cover>> own_temporaries(const ProcessSpec& job, const JobFiles& files) {
  TRY(make_temporary(files.tmp()));
  TRY(make_temporary(files.var_tmp()));
  // Their contents count as memory of the job's control group. Without a limit the kernel's default
  // applies: half of the machine's memory.
  std::string options = "mode=1777";
  if (job.memory_bytes_max > 0) options += ",size=" + std::to_string(job.memory_bytes_max);
  return std::vector<Cover>{
      {"/tmp", files.tmp(), ""}, {"/var/tmp", files.var_tmp(), ""}, {"/dev/shm", "", options}};
}

void cover_name_services(std::vector<Cover>& covers) {
  for (const char* folder : kNameServices) covers.push_back({folder, "", "mode=0755,size=64k"});
}

Result<void> surround(const ShimSpec& spec, const JobFiles& files, const JobCgroup& cgroup,
                      bool own_processes) {
  cgroup.join();
  const ProcessSpec& job = spec.job;
  if (spec.user_id != 0) TRY(give_mounts(job.mounts, spec.user_id));
  Result<void> entered = enter_mount_namespace();
  // Without a namespace the job sees the host's paths; Isolation reports that, and the caller must
  // have named existing paths.
  if (!entered) {
    if (spec.user_id != 0) open_way(job.mounts, files.directory().parent_path().parent_path());
    return {};
  }
  // Separately, because a kernel may lack one of them.
  ::unshare(CLONE_NEWIPC);
  ::unshare(CLONE_NEWCGROUP);
  std::vector<Cover> covers = TRY(own_temporaries(job, files));
  const std::size_t writable_covers = covers.size();
  if (job.network == JobNetwork::isolated) cover_name_services(covers);
  TRY(make_mounts(job.mounts, covers, files.scratch()));
  if (spec.user_id == 0) return {};
  if (own_processes && !show_own_processes())
    return fail(system_error("mount a /proc of the job's own"));
  show_own_cgroups(cgroup);
  std::vector<std::string> writable;
  for (std::size_t i = 0; i < writable_covers; ++i) writable.push_back(covers[i].destination);
  for (const Mount& mount : job.mounts)
    if (!mount.read_only) writable.push_back(mount.destination);
  make_host_read_only(writable);
  return {};
}

// The irreversible last steps of the job's own process before it runs its command.
Result<void> give_up_rights(const ShimSpec& spec, const JobCgroup& cgroup) {
  ProcessLimits limits;
  limits.file_bytes_max = spec.job.volume_bytes_max;
  // The kernel counts a user's processes on the whole machine; the control group only the job's.
  if (spec.user_id != 0 && !cgroup.limits_processes())
    limits.processes_max = spec.job.processes_max;
  limit_process(limits);
  if (spec.user_id != 0) TRY(become_user(spec.user_id));
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  return {};
}

// True when the pipe has no reader any more: the shim is gone.
bool is_abandoned(int answer) {
  pollfd state{answer, POLLOUT, 0};
  return ::poll(&state, 1, 0) == 1 && (state.revents & POLLERR);
}

// Runs in the child; returns only on failure, with the reason.
Error become_command(const ShimSpec& spec, const JobFiles& files, const JobCgroup& cgroup,
                     bool own_processes, int answer, int socket) {
  const ProcessSpec& job = spec.job;
  std::vector<std::string> arguments = job.command;
  std::vector<std::string> environment = make_environment(job);
  auto path = job.environment.find("PATH");
  const std::string search = path == job.environment.end() ? kDefaultPath : path->second;
  // The program may be where only root can go (a checkout in root's home): if opened now, it can
  // still be run later. The exec closes it, so this works for binaries, not for scripts.
  const std::string outside = find_executable(arguments[0], search);
  Descriptor opened(outside.empty() ? -1 : ::open(outside.c_str(), O_PATH | O_CLOEXEC));
  if (Result<void> surrounded = surround(spec, files, cgroup, own_processes); !surrounded)
    return surrounded.error();
  std::string program = find_executable(arguments[0], search);
  if (program.empty())
    program = outside;
  else
    opened = Descriptor(::open(program.c_str(), O_PATH | O_CLOEXEC));
  if (program.empty())
    return {codes::kNotFound, "The command '" + arguments[0] + "' was not found" +
                                  (arguments[0].contains('/') ? "" : " in PATH (" + search + ")") +
                                  "."};
  if (!job.working_directory.empty() && ::chdir(job.working_directory.c_str()) != 0)
    return system_error("change to the working directory " + job.working_directory);
  if (Result<void> given_up = give_up_rights(spec, cgroup); !given_up) return given_up.error();
  // When the shim is killed, nothing reads the job's output any more, so the job ends too.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (is_abandoned(answer)) return {codes::kIo, "the supervising process is gone"};
  ::umask(022);
  ::syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
  // In this process the number belongs to the shim's lock, which the shim still holds.
  if (socket >= 0 && ::dup2(socket, kJobSocketDescriptor) < 0)
    return system_error("hand the job its socket");
  std::vector<char*> argv = pointers(arguments), envp = pointers(environment);
  if (spec.job.user_code)
    if (Result<void> forbidden = forbid_system_calls(); !forbidden) return forbidden.error();
  ::execve(program.c_str(), argv.data(), envp.data());
  if ((errno == EACCES || errno == ENOENT) && opened)
    ::syscall(SYS_execveat, opened.get(), "", argv.data(), envp.data(), AT_EMPTY_PATH);
  return system_error("run " + program);
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

std::string find_executable(const std::string& command, const std::string& path) {
  const auto is_program = [](const std::string& file) {
    struct stat status;
    return ::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
           ::access(file.c_str(), X_OK) == 0;
  };
  if (command.contains('/')) return is_program(command) ? command : "";
  for (std::size_t begin = 0; begin <= path.size();) {
    std::size_t end = std::min(path.find(':', begin), path.size());
    const std::string file = path.substr(begin, end - begin) + "/" + command;
    if (end > begin && is_program(file)) return file;
    begin = end + 1;
  }
  return "";
}

JobProcess start_job_process(const ShimSpec& spec, const JobFiles& files, const JobCgroup& cgroup,
                             int socket) {
  JobProcess process;
  int output[2], answer[2];
  if (::pipe2(output, O_CLOEXEC) != 0 || ::pipe2(answer, O_CLOEXEC) != 0) {
    process.problem = system_error("make a pipe").message;
    return process;
  }
  process.output = Descriptor(output[0]);
  Descriptor output_write(output[1]), answer_read(answer[0]), answer_write(answer[1]);
  constexpr int kPipeBytes = 1 << 20;
  ::fcntl(output[1], F_SETPIPE_SZ, kPipeBytes);  // fewer stops for chatty jobs; may be refused
  if (spec.user_id != 0)
    if (Result<PidNamespace> space = PidNamespace::make()) process.space = *std::move(space);
  const bool own_processes = bool(process.space);
  {
    const PidNamespace::Entered inside(process.space);
    process.pid = ::fork();
  }
  if (process.pid < 0) {
    process.problem = system_error("fork").message;
    process.pid = 0;
    return process;
  }
  if (process.pid == 0) {
    ::setsid();
    reset_signals();
    answer_read.reset();
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(null, 0);
    ::dup2(output[1], 1);
    ::dup2(output[1], 2);
    const Error error = become_command(spec, files, cgroup, own_processes, answer[1], socket);
    write_all(answer[1], error.message);
    constexpr int kCannotRun = 127;
    ::_exit(kCannotRun);
  }
  output_write.reset();
  answer_write.reset();
  ::fcntl(process.output.get(), F_SETFL, O_NONBLOCK);
  // The exec closes the pipe silently; a failure is reported in it.
  char buffer[4096];
  for (;;) {
    const ssize_t count = ::read(answer_read.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    process.problem.append(buffer, static_cast<std::size_t>(count));
  }
  if (!process.problem.empty()) ::waitpid(process.pid, nullptr, 0);
  return process;
}

}  // namespace tidemill::compute
