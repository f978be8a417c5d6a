#include "compute/process/job_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "compute/process/sandbox.h"

namespace tidemill::compute {

namespace {

std::vector<std::string> make_environment(const JobSpec& job) {
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

Result<void> surround(const ShimSpec& spec, const JobFiles& files, const JobCgroup& cgroup) {
  cgroup.join();
  if (spec.user_id != 0) TRY(give_mounts(spec.job.mounts, spec.user_id));
  Result<void> entered = enter_mount_namespace();
  if (entered) TRY(make_mounts(spec.job.mounts, files.scratch()));
  // Without a namespace the job sees the host's paths; Isolation says so, and whoever made the spec
  // has named paths that exist.
  return {};
}

// Runs in the child; returns only with the reason why not.
Error become_command(const ShimSpec& spec, const JobFiles& files, const JobCgroup& cgroup,
                     pid_t shim, int socket) {
  const JobSpec& job = spec.job;
  std::vector<std::string> arguments = job.command;
  std::vector<std::string> environment = make_environment(job);
  auto path = job.environment.find("PATH");
  const std::string search = path == job.environment.end() ? kDefaultPath : path->second;
  // The program may lie where only root can go (a checkout in root's home): opened now, it can
  // still be run afterwards. Closed by the exec, so it works for binaries, not for scripts.
  const std::string outside = find_executable(arguments[0], search);
  Descriptor opened(outside.empty() ? -1 : ::open(outside.c_str(), O_PATH | O_CLOEXEC));
  if (Result<void> surrounded = surround(spec, files, cgroup); !surrounded)
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
  if (spec.user_id != 0)
    if (Result<void> became = become_user(spec.user_id); !became) return became.error();
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  // When the shim is killed nobody holds the job's output any more: it ends too.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != shim) return {codes::kIo, "the supervising process is gone"};
  ::umask(022);
  ::syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
  // Its number was the shim's lock here, which the shim still holds.
  if (socket >= 0 && ::dup2(socket, kJobSocketDescriptor) < 0)
    return system_error("hand the job its socket");
  std::vector<char*> argv = pointers(arguments), envp = pointers(environment);
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
  const pid_t shim = ::getpid();
  process.pid = ::fork();
  if (process.pid < 0) {
    process.problem = system_error("fork").message;
    process.pid = 0;
    return process;
  }
  if (process.pid == 0) {
    ::setsid();
    reset_signals();
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(null, 0);
    ::dup2(output[1], 1);
    ::dup2(output[1], 2);
    const Error error = become_command(spec, files, cgroup, shim, socket);
    write_all(answer[1], error.message);
    constexpr int kCannotRun = 127;
    ::_exit(kCannotRun);
  }
  output_write.reset();
  answer_write.reset();
  ::fcntl(process.output.get(), F_SETFL, O_NONBLOCK);
  // The exec closes the pipe without a word; a failure says what it was.
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
