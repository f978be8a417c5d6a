// The records in the store: groups, streams, rows of events, and data still to be deleted.
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
  std::int64_t retention_in_days = 0;  // 0: events never expire
  std::optional<std::string> kms_key_id;
  std::string log_group_class = "STANDARD";
  bool deletion_protection = false;
  std::int64_t stored_bytes = 0;  // as of the last sweep; AWS's figure lags as well
  std::map<std::string, std::string> tags;
};
TIDEMILL_RECORD(Group, (),
                (account, region, name, created, retention_in_days, kms_key_id, log_group_class,
                 deletion_protection, stored_bytes, tags))

struct Stream {
  std::string account, region, group, name;
  // Identifies the stream's events. A stream created again under an old name gets a new uid, so it
  // never shows the old events.
  std::string uid;
  Timestamp created;
  std::optional<std::int64_t> first_event_ms, last_event_ms, last_ingestion_ms;
  std::int64_t next_row = 0;
  std::int64_t stored_bytes = 0;
  std::uint64_t source_offset = 0;  // LogEvent::source_offset of the last event, else 0
  // Whether each event came at or after the time of those before it, so that rows are ordered as
  // their events are. False (unknown) for streams begun by an earlier version.
  bool in_order = false;
};
TIDEMILL_RECORD(Stream, (),
                (account, region, group, name, uid, created, first_event_ms, last_event_ms,
                 last_ingestion_ms, next_row, stored_bytes, source_offset, in_order))

// Events of one time bucket, in order of arrival.
struct EventRow {
  std::int64_t ingested_ms = 0;
  std::vector<std::int64_t> times_ms;
  std::vector<std::string> messages;
};
TIDEMILL_RECORD(EventRow, (), (ingested_ms, times_ms, messages))

// The remaining events of a deleted stream. Written by the transaction that deletes the stream, and
// erased when its last event is deleted.
struct Garbage {
  std::string uid;
};
TIDEMILL_RECORD(Garbage, (), (uid))

const store::Table<Group>& groups_table();
// Key: (account, region, group, name). Index by_last_event: (account, region, group, time).
const store::Table<Stream>& streams_table();
// Key: (uid, bucket, row).
const store::Table<EventRow>& events_table();
// Key: (uid).
const store::Table<Garbage>& garbage_table();

// Text that orders like the number, which must not be negative.
std::string ordered(std::int64_t number);

std::string group_key(std::string_view account, std::string_view region, std::string_view group);
std::string stream_key(std::string_view account, std::string_view region, std::string_view group,
                       std::string_view stream);
// Like "arn:aws:logs:us-east-1:123456789012:log-group:name".
std::string group_arn(const Group& group);
std::string stream_arn(const Stream& stream);

}  // namespace tidemill::services::logs
