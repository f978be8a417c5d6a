#include "services/logs/records.h"

#include <algorithm>

#include "base/arn.h"
#include "services/logs/invariants.h"

namespace tidemill::services::logs {

TIDEMILL_RECORD_CODEC(Group)
TIDEMILL_RECORD_CODEC(Stream)
TIDEMILL_RECORD_CODEC(EventRow)
TIDEMILL_RECORD_CODEC(Garbage)

const store::Table<Group>& groups_table() {
  static const store::Table<Group> kTable{"log_groups", {}, &invariant};
  return kTable;
}

const store::Table<Stream>& streams_table() {
  static const store::Table<Stream> kTable{
      "log_streams",
      {{"by_last_event",
        [](const Stream& stream) {
          return std::vector<std::string>{store::key({stream.account, stream.region, stream.group,
                                                      ordered(stream.last_event_ms.value_or(0))})};
        }}},
      &invariant};
  return kTable;
}

const store::Table<EventRow>& events_table() {
  static const store::Table<EventRow> kTable{"log_events", {}, &invariant};
  return kTable;
}

const store::Table<Garbage>& garbage_table() {
  static const store::Table<Garbage> kTable{"log_garbage", {}, &invariant};
  return kTable;
}

std::string ordered(std::int64_t number) {
  constexpr std::size_t kDigits = 16;
  std::string digits = std::to_string(std::max<std::int64_t>(number, 0));
  return digits.size() >= kDigits ? digits : std::string(kDigits - digits.size(), '0') + digits;
}

std::string group_key(std::string_view account, std::string_view region, std::string_view group) {
  return store::key({account, region, group});
}

std::string stream_key(std::string_view account, std::string_view region, std::string_view group,
                       std::string_view stream) {
  return store::key({account, region, group, stream});
}

std::string group_arn(const Group& group) {
  return Arn{.service = "logs",
             .region = group.region,
             .account = group.account,
             .resource = "log-group:" + group.name}
      .text();
}

std::string stream_arn(const Stream& stream) {
  return Arn{.service = "logs",
             .region = stream.region,
             .account = stream.account,
             .resource = "log-group:" + stream.group + ":log-stream:" + stream.name}
      .text();
}

}  // namespace tidemill::services::logs
