// Background work: deletes expired events and events of deleted streams, updates sizes.
#include "services/logs/invariants.h"
#include "services/logs/logs_service.h"

namespace tidemill::services::logs {
namespace {

constexpr std::size_t kScanGroups = 100;
constexpr std::size_t kScanStreams = 500;

}  // namespace

Result<std::size_t> LogsService::sweep_garbage(std::size_t rows_max) {
  std::size_t deleted_rows = 0;
  while (deleted_rows < rows_max) {
    auto page = TRY(garbage_table().scan(store_, {.limit = 1}));
    if (page.records.empty()) break;
    const std::string& uid = page.records.front().record.uid;
    // Up to the border after the last possible bucket.
    Deleted deleted =
        TRY(delete_events(store_, uid, event_time_ms_max + bucket_ms, rows_max - deleted_rows));
    deleted_rows += deleted.rows;
    store::Scan rest{.table = events_table().name(), .prefix = store::key({uid, ""}), .limit = 1};
    if (!TRY(store_.scan(rest)).rows.empty()) break;  // the next call continues
    store::Transaction transaction;
    garbage_table().erase(transaction, uid, std::nullopt);
    TRY(store_.commit(std::move(transaction)));
  }
  return deleted_rows;
}

Result<std::size_t> LogsService::sweep_group(const Group& group, Timestamp now,
                                             std::size_t rows_max) {
  std::int64_t kept_from = kept_from_ms(group, now);
  std::int64_t group_bytes = 0;
  std::size_t deleted_rows = 0;
  std::string position;
  do {
    store::Scan scan{.prefix = store::key({group.account, group.region, group.name, ""}),
                     .after = position,
                     .limit = kScanStreams};
    auto page = TRY(streams_table().scan(store_, scan));
    for (const VersionedStream& found : page.records) {
      std::int64_t bytes = found.record.stored_bytes;
      bool expired = group.retention_in_days != 0 && found.record.first_event_ms &&
                     *found.record.first_event_ms < kept_from;
      if (expired && deleted_rows < rows_max) {
        Deleted deleted =
            TRY(delete_events(store_, found.record.uid, kept_from, rows_max - deleted_rows));
        deleted_rows += deleted.rows;
        bytes -= deleted.bytes;
        if (deleted.rows > 0) TRY(after_expiry(found.record, deleted));
      }
      group_bytes += bytes;
    }
    position = page.next;
  } while (!position.empty());
  if (group_bytes != group.stored_bytes) TRY(store_group_size(group, group_bytes));
  return deleted_rows;
}

// Updates the stream's record after some of its events were deleted.
Result<void> LogsService::after_expiry(const Stream& stream, const Deleted& deleted) {
  std::string key = stream_key(stream.account, stream.region, stream.group, stream.name);
  std::lock_guard lock(lock_of(key));
  auto found = TRY(streams_table().get(store_, key));
  if (!found || found->record.uid != stream.uid) return {};
  Stream& record = found->record;
  record.stored_bytes = std::max<std::int64_t>(record.stored_bytes - deleted.bytes, 0);
  EventCursor cursor(store_, record, {}, true, {.events_max = 1});
  const StoredEvent* first = TRY(cursor.peek());
  record.first_event_ms.reset();
  if (first)
    record.first_event_ms = first->position.time_ms;
  else
    record.last_event_ms.reset();
  store::Transaction transaction;
  streams_table().put(transaction, key, record, found->version);
  return ignore_conflict(store_.commit(std::move(transaction)));
}

Result<void> LogsService::store_group_size(const Group& group, std::int64_t bytes) {
  std::string key = group_key(group.account, group.region, group.name);
  auto found = TRY(groups_table().get(store_, key));
  if (!found) return {};
  found->record.stored_bytes = bytes;
  store::Transaction transaction;
  groups_table().put(transaction, key, found->record, found->version);
  return ignore_conflict(store_.commit(std::move(transaction)));
}

// Somebody changed the record meanwhile; the next sweep corrects it.
Result<void> LogsService::ignore_conflict(Result<void> committed) {
  if (!committed && committed.error().code == codes::kConflict) return {};
  return committed;
}

Result<std::size_t> LogsService::sweep(Timestamp now, std::size_t rows_max) {
  std::size_t deleted_rows = TRY(sweep_garbage(rows_max));
  std::string position;
  do {
    auto page = TRY(groups_table().scan(store_, {.after = position, .limit = kScanGroups}));
    for (const VersionedGroup& group : page.records) {
      std::size_t rows =
          TRY(sweep_group(group.record, now, rows_max - std::min(rows_max, deleted_rows)));
      deleted_rows += rows;
    }
    position = page.next;
  } while (!position.empty());
  return deleted_rows;
}

}  // namespace tidemill::services::logs
