#include "services/sagemaker/common/interpreter.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sstream>

#include "base/log.h"

extern char** environ;

namespace tidemill::services::sagemaker {
namespace {

constexpr std::chrono::seconds kTimeMax{10};
constexpr std::size_t kOutputBytesMax = 16 * 1024;

// Imports nothing: importing torch alone takes seconds. Prints "name version" lines, or only the
// name of a library that is missing. A library may come from a distribution of another name
// (xgboost from xgboost-cpu), so whether its module can be found decides. Without a distribution
// its version stays empty.
constexpr const char* kProgram =
    "import sys, importlib.metadata as metadata, importlib.util as util\n"
    "print('python', sys.version.split()[0])\n"
    "for name in ('joblib', 'scikit-learn', 'xgboost', 'pandas', 'numpy', 'torch'):\n"
    "    module = 'sklearn' if name == 'scikit-learn' else name\n"
    "    found = util.find_spec(module)\n"
    "    if not found or not found.origin:\n"
    "        print(name)\n"
    "        continue\n"
    "    try: print(name, metadata.version(name))\n"
    "    except metadata.PackageNotFoundError:\n"
    "        owners = getattr(metadata, 'packages_distributions', dict)().get(module)\n"
    "        print(name, metadata.version(owners[0]) if owners else '')\n";

// The program's output; empty when it fails or takes too long.
std::string output_of(const std::string& python, std::stop_token stop) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::array<const char*, 5> arguments{python.c_str(), "-I", "-c", kProgram, nullptr};
  pid_t child = -1;
  const int failed = ::posix_spawn(&child, python.c_str(), &actions, nullptr,
                                   const_cast<char* const*>(arguments.data()), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string output;
  if (failed == 0) {
    const auto deadline = std::chrono::steady_clock::now() + kTimeMax;
    while (output.size() < kOutputBytesMax && !stop.stop_requested() &&
           std::chrono::steady_clock::now() < deadline) {
      pollfd ready{ends[0], POLLIN, 0};
      constexpr int kLookAgainMilliseconds = 50;
      if (::poll(&ready, 1, kLookAgainMilliseconds) <= 0) continue;
      char buffer[1024];
      const ssize_t count = ::read(ends[0], buffer, sizeof buffer);
      if (count <= 0) break;
      output.append(buffer, std::size_t(count));
    }
    ::kill(child, SIGKILL);  // usually it has ended already
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }
  ::close(ends[0]);
  return output;
}

}  // namespace

void log_interpreter(const std::string& python, std::stop_token stop) {
  if (python.empty()) return;
  std::istringstream lines(output_of(python, stop));
  std::string version, has, lacks;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t space = line.find(' ');
    const std::string name = line.substr(0, space);
    if (name == "python")
      version = line.substr(space + 1);
    else if (space == std::string::npos)
      lacks += (lacks.empty() ? "" : ", ") + name;
    else
      has += (has.empty() ? "" : ", ") + (space + 1 == line.size() ? name : line);
  }
  if (stop.stop_requested()) return;
  if (version.empty()) {
    log::warning("the interpreter of script-mode jobs and Python models does not run",
                 {{"python", python},
                  {"help",
                   "make an environment for jobs and name its interpreter with --python; "
                   "README.md, 'Running it', says how"}});
    return;
  }
  log::info("interpreter of script-mode jobs and Python models (setting python)",
            {{"python", python},
             {"version", version},
             {"has", has.empty() ? "none of the usual libraries" : has},
             {"lacks", lacks.empty() ? "nothing of the usual libraries" : lacks}});
}

}  // namespace tidemill::services::sagemaker
