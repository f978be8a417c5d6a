#include "base/shared_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace tidemill {
namespace {

// From build/<preset>/tidemill up to the checkout, and from test programs, which lie deeper.
constexpr int kFoldersUpMax = 5;

std::string find(const SharedLibrary& library) {
  namespace fs = std::filesystem;
  std::vector<std::string> paths;
  if (const char* given = std::getenv(library.environment)) paths.emplace_back(given);
  std::error_code error;
  fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  paths.push_back((folder / library.file).string());
  for (int up = 0; up < kFoldersUpMax && folder.has_parent_path(); ++up) {
    folder = folder.parent_path();
    paths.push_back((folder / library.cache / library.file).string());
  }
  std::erase_if(paths, [](const std::string& path) { return access(path.c_str(), R_OK) != 0; });
  paths.emplace_back(library.file);
  return paths.front();
}

}  // namespace

Result<void*> open_shared_library(const SharedLibrary& library) {
  if (void* handle = dlopen(find(library).c_str(), RTLD_NOW | RTLD_LOCAL)) return handle;
  return fail(codes::kNotFound, std::string("cannot load ") + library.name + ": " + dlerror() +
                                    "; put " + library.file + " (of " + library.package +
                                    ") beside the program, or name it in " + library.environment);
}

}  // namespace tidemill
