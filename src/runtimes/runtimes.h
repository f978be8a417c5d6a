// The Python programs that run inside jobs, embedded in the binary.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill::runtimes {

struct PythonFile {
  std::string_view path;  // "tidemill_serving/__main__.py"
  std::string_view text;
};

// Generated from python/ at build time.
std::span<const PythonFile> python_files();

// Twelve hexadecimal digits that change whenever a file does.
std::string python_version_hash();

// Writes the files below `<parent>/python-<hash>` and returns that folder, which belongs on
// PYTHONPATH of jobs. All or nothing; does nothing if the folder exists. Readable by all users,
// since jobs run unprivileged. Fails with Tidemill.Io or Tidemill.StorageFull.
Result<std::string> unpack_python(const std::string& parent);

}  // namespace tidemill::runtimes
