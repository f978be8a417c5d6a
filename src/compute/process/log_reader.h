// Reads parts of a job's log file for callers; the watcher reads for the listener.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "compute/job.h"

namespace tidemill::compute {

// Do what Driver::log() and Driver::log_tail() promise. NotFound when there is no such file.
Result<LogPart> read_log_part(const std::string& path, std::uint64_t offset, std::size_t bytes_max);
Result<LogTail> read_log_tail(const std::string& path, std::size_t bytes_max);

}  // namespace tidemill::compute
