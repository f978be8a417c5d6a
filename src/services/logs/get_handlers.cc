// GetLogEvents and tail().
#include <algorithm>
#include <charconv>

#include "services/logs/logs_service.h"

namespace tidemill::services::logs {

namespace errors = api::logs::errors;
using namespace api::logs;  // NOLINT: requests and responses

namespace {

// A token is "f/" or "b/", then time, row and index as sixteen digits each.
constexpr std::size_t kDigits = 16;

std::string token_text(char direction, const Position& position) {
  return std::string(1, direction) + "/" + ordered(position.time_ms) + ordered(position.row) +
         ordered(position.index);
}

// Reading few events needs little read-ahead.
CursorLimits limits_for(std::size_t events) {
  constexpr std::size_t kEventsMin = 100;
  CursorLimits limits;
  limits.events_max = std::clamp(events, kEventsMin, limits.events_max);
  return limits;
}

struct Token {
  bool forward = true;
  Position position;
};

Result<Token> parse_token(const std::string& text) {
  std::unexpected<Error> invalid = invalid_parameter("The specified nextToken is invalid.");
  if (text.size() != 2 + 3 * kDigits || text[1] != '/' || (text[0] != 'f' && text[0] != 'b'))
    return invalid;
  Token token{text[0] == 'f', {}};
  std::int64_t* fields[] = {&token.position.time_ms, &token.position.row, &token.position.index};
  for (std::size_t i = 0; i < 3; ++i) {
    const char* start = text.data() + 2 + i * kDigits;
    auto [end, error] = std::from_chars(start, start + kDigits, *fields[i]);
    if (error != std::errc() || end != start + kDigits || *fields[i] < 0) return invalid;
  }
  return token;
}

}  // namespace

Result<GetLogEventsResponse> LogsService::get_log_events(Context& context,
                                                         const GetLogEventsRequest& request) {
  std::string name = TRY(group_name(context, request.log_group_name, request.log_group_identifier));
  VersionedGroup group = TRY(load_group(context.account(), context.region, name));
  VersionedStream stream =
      TRY(load_stream(context.account(), context.region, name, request.log_stream_name));
  // The start is inclusive, the end exclusive.
  std::int64_t start_ms =
      std::max(request.start_time.value_or(0), kept_from_ms(group.record, clock_.now()));
  std::int64_t end_ms = request.end_time.value_or(event_time_ms_max + 1);
  if (request.start_time && request.end_time && *request.start_time > *request.end_time)
    return invalid_parameter("The start time must not be later than the end time.");
  auto limit = std::size_t(std::min(request.limit.value_or(page_events_max), page_events_max));

  Token from;
  if (request.next_token)
    from = TRY(parse_token(*request.next_token));
  else if (request.start_from_head.value_or(false))
    from = {true, {start_ms, 0, 0}};
  else
    from = {false, {std::min(end_ms, event_time_ms_max + 1), 0, 0}};

  Position border = from.position;
  if (from.forward)
    border = std::max(border, Position{start_ms, 0, 0});
  else
    border = std::min(border, Position{end_ms, 0, 0});
  EventCursor cursor(store_, stream.record, border, from.forward, limits_for(limit));
  GetLogEventsResponse out;
  out.events.emplace();
  std::optional<Position> first, last;
  std::size_t bytes = 0;
  while (out.events->size() < limit) {
    const StoredEvent* event = TRY(cursor.peek());
    if (!event) break;
    if (from.forward ? event->position.time_ms >= end_ms : event->position.time_ms < start_ms)
      break;
    bytes += event->message.size() + event_overhead_bytes;
    if (bytes > page_bytes_max && !out.events->empty()) break;
    OutputLogEvent& shown = out.events->emplace_back();
    shown.timestamp = event->position.time_ms;
    shown.message = event->message;
    shown.ingestion_time = event->ingested_ms;
    if (!first) first = event->position;
    last = event->position;
    cursor.pop();
  }
  if (!from.forward) {
    std::ranges::reverse(*out.events);
    std::swap(first, last);
  }
  // At the end, the request's own token is returned: this is how clients detect the end.
  Position none = request.next_token ? from.position : Position{start_ms, 0, 0};
  out.next_forward_token = token_text('f', last ? last->after() : none);
  out.next_backward_token = token_text('b', first ? *first : none);
  return out;
}

Result<std::vector<LogEvent>> LogsService::tail(std::string_view account, std::string_view region,
                                                std::string_view group, std::string_view stream,
                                                std::size_t limit) {
  std::vector<LogEvent> out;
  auto found = TRY(streams_table().get(store_, stream_key(account, region, group, stream)));
  if (!found) return out;
  EventCursor cursor(store_, found->record, {event_time_ms_max, INT64_MAX, INT64_MAX}, false,
                     limits_for(limit));
  while (out.size() < limit) {
    const StoredEvent* event = TRY(cursor.peek());
    if (!event) break;
    out.push_back({Timestamp{event->position.time_ms * 1000}, event->message});
    cursor.pop();
  }
  std::ranges::reverse(out);
  return out;
}

}  // namespace tidemill::services::logs
