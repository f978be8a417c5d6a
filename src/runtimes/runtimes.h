// The Python programs that run inside jobs, carried inside the binary.
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

// Generated at build time from python/.
std::span<const PythonFile> python_files();

// Twelve hexadecimal digits that change when any file does.
std::string python_version_hash();

// Writes the files below `<parent>/python-<hash>` and returns that folder, which belongs on
// PYTHONPATH of jobs. Whole or not at all; does nothing when it is there already. Readable by every
// user, since jobs run unprivileged. Tidemill.Io, Tidemill.StorageFull.
Result<std::string> unpack_python(const std::string& parent);

}  // namespace tidemill::runtimes
