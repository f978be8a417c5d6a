// Writes a job's output to its log file as lines with times, up to a limit.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/descriptor.h"

namespace tidemill::compute {

class LogWriter {
 public:
  // Beyond bytes_max only the last lines (kTailBytes) are kept, after a line that says so.
  LogWriter(Descriptor file, std::uint64_t bytes_max)
      : file_(std::move(file)), bytes_max_(bytes_max) {}
  void append(std::string_view output, Timestamp now);
  // Writes the last line, even without its newline, and the kept tail; syncs the file.
  void finish(Timestamp now);

 private:
  void add_line(std::string_view line, Timestamp now);
  void write(std::string_view records);

  static constexpr std::size_t kTailBytes = 64 * 1024;
  Descriptor file_;
  std::uint64_t bytes_max_;
  std::uint64_t bytes_written_ = 0;
  std::string partial_;  // a line without its newline yet, cut at kLogLineBytesMax
  std::string records_;  // of the current append()
  std::deque<std::string> tail_;
  std::size_t tail_bytes_ = 0;
  std::uint64_t lines_dropped_ = 0;
  bool full_ = false;
};

}  // namespace tidemill::compute
