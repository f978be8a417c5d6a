// What other services may do with logs: jobs and endpoints write their output here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/value.h"

namespace tidemill::services::logs {

struct LogEvent {
  Timestamp time;
  std::string message;  // one line, without its line end
  // Where the event ends in the one source of the stream, rising; 0: the source has no positions.
  // Events at or before the last position the stream holds are dropped, so a source that delivers
  // again after a crash leaves each line once.
  std::uint64_t source_offset = 0;
};

// Thread-safe.
class LogsInterface {
 public:
  virtual ~LogsInterface() = default;
  // Appends in the order given and returns when durable; the group and the stream are made when
  // missing. Batches of any size are taken; a message longer than AWS allows (256 KiB with its
  // overhead) is cut. No events is no write, but still makes the stream.
  virtual Result<void> append(std::string_view account, std::string_view region,
                              std::string_view group, std::string_view stream,
                              std::vector<LogEvent> events) = 0;
  // The last `limit` messages of a stream, oldest first; empty when there is no such stream. For
  // FailureReason.
  virtual Result<std::vector<LogEvent>> tail(std::string_view account, std::string_view region,
                                             std::string_view group, std::string_view stream,
                                             std::size_t limit) = 0;
};

}  // namespace tidemill::services::logs
