#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "runtimes/runtimes.h"

namespace tidemill::runtimes {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> io_failure(const fs::path& path, const std::error_code& error) {
  const bool full = error == std::errc::no_space_on_device;
  return fail(full ? codes::kStorageFull : codes::kIo,
              "cannot write " + path.string() + ": " + error.message());
}

Result<void> write_files(const fs::path& directory) {
  std::error_code error;
  for (const PythonFile& file : python_files()) {
    const fs::path path = directory / file.path;
    fs::create_directories(path.parent_path(), error);
    if (error) return io_failure(path, error);
    std::ofstream out(path, std::ios::binary);
    out.write(file.text.data(), static_cast<std::streamsize>(file.text.size()));
    if (!out.flush()) return io_failure(path, std::error_code(errno, std::generic_category()));
  }
  const fs::perms readable = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                             fs::perms::others_read | fs::perms::others_exec;
  fs::permissions(directory, readable, error);
  for (const auto& entry : fs::recursive_directory_iterator(directory, error))
    fs::permissions(entry.path(), readable, error);
  return {};
}

}  // namespace

std::string python_version_hash() {
  std::uint64_t hash = 14695981039346656037ull;  // FNV-1a: tells versions apart, guards nothing
  auto mix = [&hash](std::string_view text) {
    for (char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ull;
    hash = (hash ^ 0xff) * 1099511628211ull;
  };
  for (const PythonFile& file : python_files()) {
    mix(file.path);
    mix(file.text);
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return std::string(text, 12);
}

Result<std::string> unpack_python(const std::string& parent) {
  const fs::path target = fs::path(parent) / ("python-" + python_version_hash());
  std::error_code error;
  if (fs::is_directory(target, error)) return target.string();
  const fs::path beside = target.string() + ".partial-" + std::to_string(getpid());
  fs::remove_all(beside, error);
  TRY(write_files(beside));
  fs::rename(beside, target, error);
  if (error && !fs::is_directory(target)) return io_failure(target, error);
  return target.string();
}

}  // namespace tidemill::runtimes
