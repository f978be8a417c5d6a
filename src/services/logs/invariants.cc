#include "services/logs/invariants.h"

namespace tidemill::services::logs {

std::string_view invariant(const Group& group) {
  if (group.account.empty() || group.name.empty()) return "a group must have an account and a name";
  if (group.retention_in_days < 0 || group.stored_bytes < 0)
    return "a group's retention and size must not be negative";
  return {};
}

std::string_view invariant(const Stream& stream) {
  if (stream.group.empty() || stream.name.empty()) return "a stream must have a group and a name";
  if (stream.uid.empty()) return "a stream must have a uid, by which its events are found";
  if (stream.first_event_ms.has_value() != stream.last_event_ms.has_value())
    return "a stream must have both a first and a last event, or neither";
  if (stream.first_event_ms && *stream.first_event_ms > *stream.last_event_ms)
    return "a stream's first event must not be after its last one";
  if (stream.next_row < 0 || stream.stored_bytes < 0)
    return "a stream's counts must not be negative";
  return {};
}

std::string_view invariant(const EventRow& row) {
  if (row.messages.empty()) return "a row must have events";
  if (row.times_ms.size() != row.messages.size()) return "each message of a row must have a time";
  return {};
}

std::string_view invariant(const Garbage& garbage) {
  return garbage.uid.empty() ? "a deleted stream must have a uid, by which its events are found"
                             : "";
}

}  // namespace tidemill::services::logs
