// FilterLogEvents: merges the events of several streams in order of time.
#include <algorithm>
#include <charconv>
#include <queue>

#include "base/encoding.h"
#include "services/logs/filter_pattern.h"
#include "services/logs/logs_service.h"

namespace tidemill::services::logs {

namespace errors = api::logs::errors;
using namespace api::logs;  // NOLINT: requests and responses

namespace {

constexpr std::size_t kScanStreams = 1'000;

// The next page begins before this event of this stream. At equal times, streams order by uid.
struct GlobalPosition {
  std::int64_t time_ms = 0;
  std::string uid;
  std::int64_t row = 0;
  std::int64_t index = 0;
};

std::string token_text(const GlobalPosition& position) {
  return encode_hex(store::key(
      {ordered(position.time_ms), position.uid, ordered(position.row), ordered(position.index)}));
}

Result<GlobalPosition> parse_token(const std::string& text) {
  std::unexpected<Error> invalid = invalid_parameter("The specified nextToken is invalid.");
  Result<std::string> key = decode_hex(text);
  if (!key) return invalid;
  std::vector<std::string> parts = store::split_key(*key);
  if (parts.size() != 4) return invalid;
  GlobalPosition position;
  position.uid = parts[1];
  std::pair<const std::string*, std::int64_t*> numbers[] = {
      {&parts[0], &position.time_ms}, {&parts[2], &position.row}, {&parts[3], &position.index}};
  for (auto& [digits, number] : numbers) {
    auto [end, error] = std::from_chars(digits->data(), digits->data() + digits->size(), *number);
    if (error != std::errc() || end != digits->data() + digits->size()) return invalid;
  }
  return position;
}

// The position at which a stream resumes: streams ordered before the position's stream have already
// given all events of its millisecond, streams after it none.
Position border_of(const GlobalPosition& position, const std::string& uid) {
  if (uid == position.uid) return {position.time_ms, position.row, position.index};
  if (uid < position.uid) return {position.time_ms + 1, 0, 0};
  return {position.time_ms, 0, 0};
}

struct Source {
  const Stream* stream;
  EventCursor cursor;
  std::int64_t time_ms = 0;  // of the cursor's next event
  // The cursor's held bytes when they were last counted.
  std::size_t held_bytes = 0;
  std::size_t loads = 0;
};

struct LaterFirst {
  bool operator()(const Source* a, const Source* b) const {
    return a->time_ms != b->time_ms ? a->time_ms > b->time_ms : a->stream->uid > b->stream->uid;
  }
};
using Queue = std::priority_queue<Source*, std::vector<Source*>, LaterFirst>;

// The streams that one request merges, and what they cost together.
class Sources {
 public:
  // Limit of what all cursors of a request read ahead together.
  static constexpr std::size_t kHeldBytesMax = 16u << 20;
  static constexpr std::size_t kCursorBytesMin = 64u << 10;

  Sources(std::size_t streams, std::int64_t end_ms) : end_ms_(end_ms) {
    limits_.bytes_max = std::clamp(kHeldBytesMax / std::max<std::size_t>(streams, 1),
                                   kCursorBytesMin, CursorLimits().bytes_max);
  }
  // Reads nothing of the stream before its first event could be the next one overall.
  void add(store::Store& store, const Stream& stream, Position border) {
    all_.push_back(std::make_unique<Source>(
        Source{&stream, EventCursor(store, stream, border, true, limits_),
               std::max(border.time_ms, stream.first_event_ms.value_or(0)), 0, 0}));
    queue_.push(all_.back().get());
  }
  Source* next() { return queue_.empty() ? nullptr : queue_.top(); }
  // Advances the source that next() returned to its next event.
  Result<void> advance(Source& source) {
    queue_.pop();
    source.cursor.pop();
    return enqueue(source);
  }
  // Queues the source again, whose next event is not the one that was seen.
  Result<void> retry(Source& source) {
    queue_.pop();
    return enqueue(source);
  }
  std::size_t loads() const { return loads_; }

 private:
  // Queues the source when it has more events before the end.
  Result<void> enqueue(Source& source) {
    const StoredEvent* event = TRY(source.cursor.peek());
    const bool more = event && event->position.time_ms < end_ms_;
    if (more) {
      source.time_ms = event->position.time_ms;
      queue_.push(&source);
    }
    // A source that drops its events reads them again when its turn comes.
    held_bytes_ += source.cursor.held_bytes() - source.held_bytes;
    if (!more || (held_bytes_ > kHeldBytesMax && queue_.top() != &source)) {
      held_bytes_ -= source.cursor.held_bytes();
      source.cursor.let_go();
    }
    source.held_bytes = source.cursor.held_bytes();
    loads_ += source.cursor.loads() - source.loads;
    source.loads = source.cursor.loads();
    return {};
  }

  const std::int64_t end_ms_;
  CursorLimits limits_;
  std::vector<std::unique_ptr<Source>> all_;
  Queue queue_;
  std::size_t held_bytes_ = 0;
  std::size_t loads_ = 0;
};

FilteredLogEvent shown(const Stream& stream, const StoredEvent& event) {
  FilteredLogEvent out;
  out.log_stream_name = stream.name;
  out.timestamp = event.position.time_ms;
  out.message = event.message;
  out.ingestion_time = event.ingested_ms;
  out.event_id = ordered(event.position.time_ms) + stream.uid + ordered(event.position.row) +
                 std::to_string(event.position.index);
  return out;
}

}  // namespace

Result<std::vector<Stream>> LogsService::streams_to_filter(const Context& context,
                                                           const std::string& group,
                                                           const FilterLogEventsRequest& request) {
  std::vector<Stream> streams;
  if (request.log_stream_names) {
    for (const std::string& name : *request.log_stream_names) {
      VersionedStream found = TRY(load_stream(context.account(), context.region, group, name));
      streams.push_back(std::move(found.record));
    }
    return streams;
  }
  store::Scan scan{.prefix = store::key({context.account(), context.region, group,
                                         request.log_stream_name_prefix.value_or("")}),
                   .limit = kScanStreams};
  do {
    auto page = TRY(streams_table().scan(store_, scan));
    for (VersionedStream& found : page.records) streams.push_back(std::move(found.record));
    if (streams.size() > filter_streams_max)
      return invalid_parameter("The log group has more than " + std::to_string(filter_streams_max) +
                               " matching streams. Narrow them with logStreamNamePrefix or "
                               "logStreamNames.");
    scan.after = page.next;
  } while (!scan.after.empty());
  return streams;
}

Result<FilterLogEventsResponse> LogsService::filter_log_events(
    Context& context, const FilterLogEventsRequest& request) {
  if (request.log_stream_names && request.log_stream_name_prefix)
    return invalid_parameter("logStreamNames and logStreamNamePrefix are mutually exclusive.");
  std::string name = TRY(group_name(context, request.log_group_name, request.log_group_identifier));
  VersionedGroup group = TRY(load_group(context.account(), context.region, name));
  std::unique_ptr<FilterPattern> pattern =
      TRY(parse_filter_pattern(request.filter_pattern.value_or("")));
  std::vector<Stream> streams = TRY(streams_to_filter(context, name, request));
  std::int64_t start_ms =
      std::max(request.start_time.value_or(0), kept_from_ms(group.record, clock_.now()));
  // Start and end are both inclusive here, unlike in GetLogEvents.
  std::int64_t end_ms =
      std::min(request.end_time.value_or(event_time_ms_max), event_time_ms_max) + 1;
  auto limit = std::size_t(std::min(request.limit.value_or(page_events_max), page_events_max));
  GlobalPosition from{start_ms, "", 0, 0};
  if (request.next_token) from = TRY(parse_token(*request.next_token));

  Sources sources(streams.size(), end_ms);
  for (const Stream& stream : streams) {
    // Skips streams outside of the range (most of a large group) without reading their events.
    if (!stream.last_event_ms || *stream.last_event_ms < from.time_ms ||
        *stream.first_event_ms >= end_ms)
      continue;
    Position border = std::max(border_of(from, stream.uid), Position{start_ms, 0, 0});
    sources.add(store_, stream, border);
  }

  FilterLogEventsResponse out;
  out.events.emplace();
  out.searched_log_streams.emplace();
  std::size_t bytes = 0, scanned = 0;
  while (Source* source = sources.next()) {
    const StoredEvent* event = TRY(source->cursor.peek());
    // Not read yet, or expired or deleted since the source was queued.
    if (!event || event->position.time_ms != source->time_ms) {
      TRY(sources.retry(*source));
      continue;
    }
    bool matched = pattern->matches(event->message);
    if (matched) bytes += event->message.size() + event_overhead_bytes;
    bool page_full = matched && (out.events->size() >= limit ||
                                 (bytes > page_bytes_max && !out.events->empty()));
    const bool enough = scanned > 0 && sources.loads() > filter_loads_max;
    if (page_full || enough || scanned++ >= filter_scanned_events_max) {
      out.next_token = token_text({event->position.time_ms, source->stream->uid,
                                   event->position.row, event->position.index});
      break;
    }
    if (matched) out.events->push_back(shown(*source->stream, *event));
    TRY(sources.advance(*source));
  }
  return out;
}

}  // namespace tidemill::services::logs
