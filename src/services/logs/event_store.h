// Stores the events of a stream as rows. Time is divided into buckets, and a row holds events of
// only one bucket. Reading in order of time therefore never has to look at more than one bucket,
// however late events arrived.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "services/logs/interface.h"
#include "services/logs/records.h"
#include "store/store.h"

namespace tidemill::services::logs {

inline constexpr std::int64_t bucket_ms = 10'000;
inline constexpr std::size_t row_events_max = 1'000;
inline constexpr std::size_t row_bytes_max = 256u << 10;
// Bytes that AWS counts for each event besides its message.
inline constexpr std::size_t event_overhead_bytes = 26;
// The last time that ISO 8601 can express.
inline constexpr std::int64_t event_time_ms_max = 253'402'300'799'999;

// A border in a stream. The events before it are those that order earlier by (time, row, index).
struct Position {
  std::int64_t time_ms = 0;
  std::int64_t row = 0;
  std::int64_t index = 0;
  auto operator<=>(const Position&) const = default;

  Position after() const { return {time_ms, row, index + 1}; }
};

struct StoredEvent {
  Position position;  // the border just before the event
  std::int64_t ingested_ms = 0;
  std::string message;
};

// Adds the events' rows to the transaction and updates `stream`, which the caller must put into the
// transaction as well.
void add_events(store::Transaction& transaction, Stream& stream,
                const std::vector<LogEvent>& events, Timestamp now);

// A stream's rows are ordered by bucket, then row.
struct RowKey {
  std::int64_t bucket = 0, row = 0;
};
RowKey parse_row_key(std::string_view key);
std::string row_key(const std::string& uid, std::int64_t bucket, std::int64_t row);
inline std::int64_t bucket_of(std::int64_t time_ms) { return time_ms / bucket_ms; }
// The key before every row of the bucket.
std::string bucket_border(const std::string& uid, std::int64_t bucket);

// Deletes rows of the stream whose bucket ends at or before `before_ms`, at most `rows_max`.
// Returns the number of rows and the bytes of their events.
struct Deleted {
  std::size_t rows = 0;
  std::int64_t bytes = 0;
};
Result<Deleted> delete_events(store::Store& store, const std::string& uid, std::int64_t before_ms,
                              std::size_t rows_max);

}  // namespace tidemill::services::logs
