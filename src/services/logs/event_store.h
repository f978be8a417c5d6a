// Events of one stream as rows of the store. Time is cut into buckets; a row holds events of one
// bucket only, so that reading in order of time never has to look at more than one bucket, however
// late events came in.
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
// What AWS counts for an event beyond its message.
inline constexpr std::size_t event_overhead_bytes = 26;
// The last time that has text in ISO 8601.
inline constexpr std::int64_t event_time_ms_max = 253'402'300'799'999;

// A border in a stream: everything before it comes earlier in the order (time, row, index).
struct Position {
  std::int64_t time_ms = 0;
  std::int64_t row = 0;
  std::int64_t index = 0;
  auto operator<=>(const Position&) const = default;

  Position after() const { return {time_ms, row, index + 1}; }
};

struct StoredEvent {
  Position position;  // the border before it
  std::int64_t ingested_ms = 0;
  std::string message;
};

// Adds the rows of the events to the transaction and brings the stream's record up to date (which
// the caller puts).
void add_events(store::Transaction& transaction, Stream& stream,
                const std::vector<LogEvent>& events, Timestamp now);

// Rows of a stream order by bucket and row.
struct RowKey {
  std::int64_t bucket = 0, row = 0;
};
RowKey parse_row_key(std::string_view key);
std::string row_key(const std::string& uid, std::int64_t bucket, std::int64_t row);
inline std::int64_t bucket_of(std::int64_t time_ms) { return time_ms / bucket_ms; }
// Before every row of the bucket.
std::string bucket_border(const std::string& uid, std::int64_t bucket);

// Deletes rows of the stream whose bucket ends at or before `before_ms`, at most `rows_max`; how
// many went, and the bytes of their events.
struct Deleted {
  std::size_t rows = 0;
  std::int64_t bytes = 0;
};
Result<Deleted> delete_events(store::Store& store, const std::string& uid, std::int64_t before_ms,
                              std::size_t rows_max);

}  // namespace tidemill::services::logs
