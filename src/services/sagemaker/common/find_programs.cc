#include "services/sagemaker/common/find_programs.h"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

#include "base/log.h"
#include "runtimes/runtimes.h"

namespace tidemill::services::sagemaker {
namespace {

namespace filesystem = std::filesystem;

// Finds a program like a shell: an absolute path, or looked up in PATH; "" when not found.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos)
    return access(name.c_str(), X_OK) == 0 ? filesystem::absolute(name).string() : "";
  const char* path = std::getenv("PATH");
  std::stringstream folders(path ? path : "/usr/local/bin:/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (std::string candidate = folder + "/" + name; access(candidate.c_str(), X_OK) == 0)
      return candidate;
  return "";
}

}  // namespace

Result<Programs> find_programs(const std::string& python, const filesystem::path& folder) {
  Programs programs;
  std::error_code error;
  programs.self = filesystem::read_symlink("/proc/self/exe", error).string();
  programs.python = find_program(python);
  if (programs.python.empty())
    log::warning("script-mode jobs and Python models cannot run: there is no such interpreter",
                 {{"python", python},
                  {"help",
                   "make an environment for jobs and name its interpreter with --python; "
                   "README.md, 'Running it', says how"}});
  filesystem::create_directories(folder, error);
  programs.toolkit = TRY(runtimes::unpack_python(folder.string()));
  return programs;
}

}  // namespace tidemill::services::sagemaker
