#include "services/logs/event_store.h"
#include "services/logs/invariants.h"

#include <algorithm>
#include <charconv>

namespace tidemill::services::logs {
namespace {

// Rows deleted by one transaction; fewer when they are large.
constexpr std::size_t kDeleteBatchRows = 500;
constexpr std::size_t kDeleteBatchBytes = 2u << 20;

std::int64_t bytes_of(const EventRow& row) {
  std::size_t bytes = 0;
  for (const std::string& message : row.messages) bytes += message.size() + event_overhead_bytes;
  return std::int64_t(bytes);
}

}  // namespace

std::string row_key(const std::string& uid, std::int64_t bucket, std::int64_t row) {
  return store::key({uid, ordered(bucket), ordered(row)});
}

std::string bucket_border(const std::string& uid, std::int64_t bucket) {
  return store::key({uid, ordered(bucket)});
}

RowKey parse_row_key(std::string_view key) {
  RowKey out;
  std::vector<std::string> parts = store::split_key(key);
  if (parts.size() != 3) return out;
  std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), out.bucket);
  std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), out.row);
  return out;
}

void add_events(store::Transaction& transaction, Stream& stream,
                const std::vector<LogEvent>& events, Timestamp now) {
  EventRow row;
  std::size_t row_bytes = 0;
  std::int64_t row_bucket = 0;
  auto finish_row = [&] {
    if (row.messages.empty()) return;
    row.ingested_ms = now.microseconds / 1000;
    const std::string key = row_key(stream.uid, row_bucket, stream.next_row++);
    events_table().put(transaction, key, row, 0);
    row = EventRow();
    row_bytes = 0;
  };
  for (const LogEvent& event : events) {
    std::int64_t time =
        std::clamp<std::int64_t>(event.time.microseconds / 1000, 0, event_time_ms_max);
    // Reading one event reads its whole row, so large events get rows of their own.
    bool full = row.messages.size() >= row_events_max ||
                row_bytes + event.message.size() + event_overhead_bytes > row_bytes_max;
    if (full || bucket_of(time) != row_bucket) finish_row();
    row_bucket = bucket_of(time);
    row.times_ms.push_back(time);
    row.messages.push_back(event.message);
    row_bytes += event.message.size() + event_overhead_bytes;
    if (time < stream.last_event_ms.value_or(time)) stream.in_order = false;
    stream.stored_bytes += std::int64_t(event.message.size() + event_overhead_bytes);
    stream.first_event_ms = std::min(stream.first_event_ms.value_or(time), time);
    stream.last_event_ms = std::max(stream.last_event_ms.value_or(time), time);
  }
  finish_row();
  if (!events.empty()) stream.last_ingestion_ms = now.microseconds / 1000;
}

Result<Deleted> delete_events(store::Store& store, const std::string& uid, std::int64_t before_ms,
                              std::size_t rows_max) {
  Deleted deleted;
  while (deleted.rows < rows_max) {
    store::Scan scan{.table = events_table().name(),
                     .prefix = store::key({uid, ""}),
                     .before = bucket_border(uid, bucket_of(std::max<std::int64_t>(before_ms, 0))),
                     .limit = std::min(kDeleteBatchRows, rows_max - deleted.rows),
                     .page_bytes_max = kDeleteBatchBytes};
    store::Page page = TRY(store.scan(scan));
    if (page.rows.empty()) break;
    store::Transaction transaction;
    for (const store::Row& row : page.rows) {
      // A row that can no longer be parsed must be deleted, too.
      if (Result<EventRow> record = from_json<EventRow>(row.value))
        deleted.bytes += bytes_of(*record);
      events_table().erase(transaction, row.key, std::nullopt);
    }
    TRY(store.commit(std::move(transaction)));
    deleted.rows += page.rows.size();
    if (page.next.empty()) break;
  }
  return deleted;
}

}  // namespace tidemill::services::logs
