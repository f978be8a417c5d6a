#include "compute/process/log_writer.h"

#include <unistd.h>

#include "compute/job.h"

namespace tidemill::compute {

void LogWriter::append(std::string_view output, Timestamp now) {
  for (;;) {
    const std::size_t end = output.find('\n');
    const std::string_view piece = output.substr(0, end);
    partial_.append(piece.substr(0, kLogLineBytesMax - partial_.size()));
    if (end == output.npos) break;
    add_line(partial_, now);
    partial_.clear();
    output.remove_prefix(end + 1);
  }
  write(records_);
  records_.clear();
}

void LogWriter::add_line(std::string_view line, Timestamp now) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::string record = std::to_string(now.microseconds);
  record += ' ';
  record += line;
  record += '\n';
  if (!full_ && bytes_written_ + records_.size() + record.size() <= bytes_max_) {
    records_ += record;
    return;
  }
  full_ = true;
  tail_bytes_ += record.size();
  tail_.push_back(std::move(record));
  while (tail_bytes_ > kTailBytes && tail_.size() > 1) {
    tail_bytes_ -= tail_.front().size();
    tail_.pop_front();
    ++lines_dropped_;
  }
}

void LogWriter::finish(Timestamp now) {
  if (!partial_.empty()) add_line(partial_, now);
  partial_.clear();
  if (lines_dropped_ > 0) {
    records_ += std::to_string(now.microseconds) + " [tidemill] the log reached its limit of " +
                std::to_string(bytes_max_) + " bytes; " + std::to_string(lines_dropped_) +
                " lines are left out here\n";
  }
  for (const std::string& record : tail_) records_ += record;
  tail_.clear();
  write(records_);
  records_.clear();
  // Durable before the exit record, which promises that the log is complete.
  ::fdatasync(file_.get());
}

void LogWriter::write(std::string_view records) {
  if (records.empty()) return;
  // On a full disk lines are lost, but the job continues.
  if (write_all(file_.get(), records)) bytes_written_ += records.size();
}

}  // namespace tidemill::compute
