// What lies in the store: groups, streams, rows of events, and what is still to be deleted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/describe.h"
#include "store/table.h"

namespace tidemill::services::logs {

struct Group {
  std::string account, region, name;
  Timestamp created;
  std::int64_t retention_in_days = 0;  // 0: for ever
  std::optional<std::string> kms_key_id;
  std::string log_group_class = "STANDARD";
  bool deletion_protection = false;
  std::int64_t stored_bytes = 0;  // as of the last sweep; AWS's figure lags, too
  std::map<std::string, std::string> tags;
};
TIDEMILL_RECORD(Group, (),
                (account, region, name, created, retention_in_days, kms_key_id, log_group_class,
                 deletion_protection, stored_bytes, tags))

struct Stream {
  std::string account, region, group, name;
  // Names the stream's events. A stream made again under an old name has another one, so that
  // it never shows the old one's events.
  std::string uid;
  Timestamp created;
  std::optional<std::int64_t> first_event_ms, last_event_ms, last_ingestion_ms;
  std::int64_t next_row = 0;
  std::int64_t stored_bytes = 0;
  std::uint64_t source_offset = 0;  // LogEvent::source_offset of the last event, 0 without one
  // Each event came at or after the time of those before it: rows order as their events do. Not
  // known, and so false, of streams that an earlier version began.
  bool in_order = false;
};
TIDEMILL_RECORD(Stream, (),
                (account, region, group, name, uid, created, first_event_ms, last_event_ms,
                 last_ingestion_ms, next_row, stored_bytes, source_offset, in_order))

// Events of one bucket of time, in the order they came.
struct EventRow {
  std::int64_t ingested_ms = 0;
  std::vector<std::int64_t> times_ms;
  std::vector<std::string> messages;
};
TIDEMILL_RECORD(EventRow, (), (ingested_ms, times_ms, messages))

// The events of a deleted stream. Written in the transaction that deletes the stream, gone when the
// last event is.
struct Garbage {
  std::string uid;
};
TIDEMILL_RECORD(Garbage, (), (uid))

const store::Table<Group>& groups_table();
// Keys: account, region, group, name. Index by_last_event: account, region, group, time.
const store::Table<Stream>& streams_table();
// Keys: uid, bucket, row
const store::Table<EventRow>& events_table();
// Keys: uid
const store::Table<Garbage>& garbage_table();

// A number as text that orders like it; `number` is not negative.
std::string ordered(std::int64_t number);

std::string group_key(std::string_view account, std::string_view region, std::string_view group);
std::string stream_key(std::string_view account, std::string_view region, std::string_view group,
                       std::string_view stream);
// "arn:aws:logs:us-east-1:123456789012:log-group:name"
std::string group_arn(const Group& group);
std::string stream_arn(const Stream& stream);

}  // namespace tidemill::services::logs
