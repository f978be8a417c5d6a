#include "services/sagemaker/hosting/fleet/model_check.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <vector>

#include "infer/check_model.h"

extern char** environ;

namespace tidemill::services::sagemaker::hosting {
namespace {

constexpr std::chrono::seconds kCheckTime{60};
constexpr std::size_t kReasonBytesMax = 8192;

std::unexpected<Error> io_failure(const char* what, int error) {
  return fail(codes::kIo,
              std::string("cannot check the model: ") + what + ": " + std::strerror(error));
}

// Variables that say where programs and libraries are.
bool is_for_programs(std::string_view variable) {
  for (const std::string_view name : {"PATH=", "LANG=", "LD_LIBRARY_PATH=", "TIDEMILL_"})
    if (variable.starts_with(name)) return true;
  return false;
}

// The child's process id.
Result<pid_t> start(const std::string& program, const std::string& directory,
                    const infer::LoadOptions& options, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::string words[] = {program, "check-model", directory, infer::kCombineWord};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(),
                       options.combine ? words[3].data() : nullptr, nullptr};
  // Other variables of the server may be secret.
  std::vector<char*> variables;
  for (char** variable = environ; *variable; ++variable)
    if (is_for_programs(*variable)) variables.push_back(*variable);
  variables.push_back(nullptr);
  pid_t child = 0;
  const int error =
      posix_spawn(&child, program.c_str(), &actions, nullptr, arguments, variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error) return io_failure(program.c_str(), error);
  return child;
}

// Reads the child's output until it ends or its time is over.
std::string read_reason(int input, std::chrono::steady_clock::time_point deadline) {
  std::string reason;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd ready{input, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0) return reason;
    char buffer[4096];
    const ssize_t count = ::read(input, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return reason;
    if (reason.size() < kReasonBytesMax) reason.append(buffer, static_cast<std::size_t>(count));
  }
}

}  // namespace

Result<void> check_model_apart(const std::string& program, const std::string& directory,
                               const infer::LoadOptions& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return io_failure("pipe", errno);
  Result<pid_t> child = start(program, directory, options, ends[1]);
  ::close(ends[1]);
  if (!child) {
    ::close(ends[0]);
    return fail(child.error());
  }
  const auto deadline = std::chrono::steady_clock::now() + kCheckTime;
  const std::string reason = read_reason(ends[0], deadline);
  ::close(ends[0]);
  const bool late = std::chrono::steady_clock::now() >= deadline;
  if (late) ::kill(*child, SIGKILL);
  int status = 0;
  while (::waitpid(*child, &status, 0) < 0)
    if (errno != EINTR) return io_failure("waitpid", errno);
  if (late) return fail(codes::kInvalid, "loading it takes longer than 60 seconds");
  if (WIFSIGNALED(status))
    return fail(codes::kInvalid,
                "the file is damaged: the process that tried to load it ended by signal " +
                    std::to_string(WTERMSIG(status)));
  if (WEXITSTATUS(status) == 0) return {};
  return fail(codes::kInvalid,
              reason.empty() ? "exit code " + std::to_string(WEXITSTATUS(status)) : reason);
}

}  // namespace tidemill::services::sagemaker::hosting
