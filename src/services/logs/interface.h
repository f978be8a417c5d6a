// Logs for the other services: jobs and endpoints write their output here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/value.h"

namespace tidemill::services::logs {

struct LogEvent {
  Timestamp time;
  std::string message;  // one line, without its line terminator
  // The position at which the event ends in the stream's only source; it increases. 0: the source
  // has no positions. Events at or before the last stored position are dropped, so that a source
  // that delivers again after a crash adds no line twice.
  std::uint64_t source_offset = 0;
};

// Thread-safe.
class LogsInterface {
 public:
  virtual ~LogsInterface() = default;
  // Appends the events in the given order and returns when they are durable; creates the group and
  // the stream when missing. Takes batches of any size; cuts messages longer than AWS's limit (256
  // KiB with overhead). An empty batch writes no event but still creates the stream.
  virtual Result<void> append(std::string_view account, std::string_view region,
                              std::string_view group, std::string_view stream,
                              std::vector<LogEvent> events) = 0;
  // The last `limit` messages of a stream, oldest first; empty when the stream does not exist. Used
  // for FailureReason.
  virtual Result<std::vector<LogEvent>> tail(std::string_view account, std::string_view region,
                                             std::string_view group, std::string_view stream,
                                             std::size_t limit) = 0;
};

}  // namespace tidemill::services::logs
