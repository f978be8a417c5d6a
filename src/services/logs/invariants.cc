#include "services/logs/invariants.h"

namespace tidemill::services::logs {

std::string_view invariant(const Group& group) {
  if (group.account.empty() || group.name.empty()) return "a group has an account and a name";
  if (group.retention_in_days < 0 || group.stored_bytes < 0) return "numbers are not negative";
  return {};
}

std::string_view invariant(const Stream& stream) {
  if (stream.group.empty() || stream.name.empty()) return "a stream has a group and a name";
  if (stream.uid.empty()) return "a stream's events are found by its uid";
  if (stream.first_event_ms.has_value() != stream.last_event_ms.has_value())
    return "a stream has both a first and a last event, or none";
  if (stream.first_event_ms && *stream.first_event_ms > *stream.last_event_ms)
    return "the first event comes before the last one";
  if (stream.next_row < 0 || stream.stored_bytes < 0) return "counts are not negative";
  return {};
}

std::string_view invariant(const EventRow& row) {
  if (row.messages.empty()) return "a row has events";
  if (row.times_ms.size() != row.messages.size()) return "each message of a row has its time";
  return {};
}

std::string_view invariant(const Garbage& garbage) {
  return garbage.uid.empty() ? "the events of a deleted stream are found by its uid" : "";
}

}  // namespace tidemill::services::logs
