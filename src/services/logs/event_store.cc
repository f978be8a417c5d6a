#include "services/logs/event_store.h"

#include <algorithm>
#include <charconv>

namespace tidemill::services::logs {
namespace {

// Rows a scan takes at once: few enough to hold, many enough for streams of one event a row.
constexpr std::size_t kScanRows = 64;
constexpr std::size_t kDeleteBatchRows = 500;

std::int64_t bucket_of(std::int64_t time_ms) { return time_ms / bucket_ms; }

std::string row_key(const std::string& uid, std::int64_t bucket, std::int64_t row) {
  return store::key({uid, ordered(bucket), ordered(row)});
}

// Before every row of the bucket.
std::string bucket_border(const std::string& uid, std::int64_t bucket) {
  return store::key({uid, ordered(bucket)});
}

struct RowKey {
  std::int64_t bucket = 0, row = 0;
};

RowKey parse_row_key(std::string_view key) {
  RowKey out;
  std::vector<std::string> parts = store::split_key(key);
  if (parts.size() != 3) return out;
  std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), out.bucket);
  std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), out.row);
  return out;
}

std::int64_t bytes_of(const EventRow& row) {
  std::size_t bytes = 0;
  for (const std::string& message : row.messages) bytes += message.size() + event_overhead_bytes;
  return std::int64_t(bytes);
}

}  // namespace

void add_events(store::Transaction& transaction, Stream& stream,
                const std::vector<LogEvent>& events, Timestamp now) {
  EventRow row;
  std::size_t row_bytes = 0;
  std::int64_t row_bucket = 0;
  auto finish_row = [&] {
    if (row.messages.empty()) return;
    row.ingested_ms = now.microseconds / 1000;
    events_table().put(transaction, row_key(stream.uid, row_bucket, stream.next_row++), row, 0);
    row = EventRow();
    row_bytes = 0;
  };
  for (const LogEvent& event : events) {
    std::int64_t time =
        std::clamp<std::int64_t>(event.time.microseconds / 1000, 0, event_time_ms_max);
    bool full = row.messages.size() >= row_events_max || row_bytes >= row_bytes_max;
    if (full || bucket_of(time) != row_bucket) finish_row();
    row_bucket = bucket_of(time);
    row.times_ms.push_back(time);
    row.messages.push_back(event.message);
    row_bytes += event.message.size() + event_overhead_bytes;
    stream.stored_bytes += std::int64_t(event.message.size() + event_overhead_bytes);
    stream.first_event_ms = std::min(stream.first_event_ms.value_or(time), time);
    stream.last_event_ms = std::max(stream.last_event_ms.value_or(time), time);
  }
  finish_row();
  if (!events.empty()) stream.last_ingestion_ms = now.microseconds / 1000;
}

EventCursor::EventCursor(store::Store& store, std::string uid, Position start, bool forward)
    : store_(store), uid_(std::move(uid)), start_(start), forward_(forward) {
  start_.time_ms = std::clamp<std::int64_t>(start_.time_ms, 0, event_time_ms_max);
}

Result<const StoredEvent*> EventCursor::peek() {
  while (ready_.empty() && !ended_) {
    bool more = TRY(load_bucket());
    if (!more) ended_ = true;
  }
  return ready_.empty() ? nullptr : &ready_.front();
}

// The row after those taken so far, or nullptr.
Result<const store::Row*> EventCursor::next_row() {
  if (!rows_.empty()) return &rows_.front();
  if (scan_started_ && scan_position_.empty()) return nullptr;
  store::Scan scan{.table = events_table().name(),
                   .prefix = store::key({uid_, ""}),
                   .reverse = !forward_,
                   .limit = kScanRows};
  std::int64_t bucket = bucket_of(start_.time_ms);
  if (forward_)
    scan.after = scan_started_ ? scan_position_ : bucket_border(uid_, bucket);
  else
    scan.before = scan_started_ ? scan_position_ : bucket_border(uid_, bucket + 1);
  store::Page page = TRY(store_.scan(scan));
  scan_started_ = true;
  scan_position_ = std::move(page.next);
  for (store::Row& row : page.rows) rows_.push_back(std::move(row));
  return rows_.empty() ? nullptr : &rows_.front();
}

// False at the end of the stream.
Result<bool> EventCursor::load_bucket() {
  const store::Row* first = TRY(next_row());
  if (!first) return false;
  std::int64_t bucket = parse_row_key(first->key).bucket;
  std::vector<StoredEvent> events;
  while (true) {
    const store::Row* row = TRY(next_row());
    if (!row) break;
    RowKey key = parse_row_key(row->key);
    if (key.bucket != bucket) break;
    EventRow record = TRY(from_json<EventRow>(row->value));
    std::size_t count = std::min(record.times_ms.size(), record.messages.size());
    for (std::size_t i = 0; i < count; ++i) {
      Position position{record.times_ms[i], key.row, std::int64_t(i)};
      if (forward_ ? position < start_ : position >= start_) continue;
      events.push_back({position, record.ingested_ms, std::move(record.messages[i])});
    }
    rows_.pop_front();
  }
  std::ranges::sort(events, {}, &StoredEvent::position);
  if (!forward_) std::ranges::reverse(events);
  for (StoredEvent& event : events) ready_.push_back(std::move(event));
  return true;
}

Result<Deleted> delete_events(store::Store& store, const std::string& uid, std::int64_t before_ms,
                              std::size_t rows_max) {
  Deleted deleted;
  while (deleted.rows < rows_max) {
    store::Scan scan{.table = events_table().name(),
                     .prefix = store::key({uid, ""}),
                     .before = bucket_border(uid, bucket_of(std::max<std::int64_t>(before_ms, 0))),
                     .limit = std::min(kDeleteBatchRows, rows_max - deleted.rows)};
    store::Page page = TRY(store.scan(scan));
    if (page.rows.empty()) break;
    store::Transaction transaction;
    for (const store::Row& row : page.rows) {
      // A row that no longer reads must still go.
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
