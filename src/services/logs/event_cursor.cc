#include "services/logs/event_cursor.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace tidemill::services::logs {

namespace {

// Rows per scan: few enough to hold in memory, many enough for streams with one event per row.
constexpr std::size_t kScanRows = 64;
constexpr std::size_t kScanBytes = 1u << 20;

std::size_t bytes_of(const StoredEvent& event) {
  return sizeof(StoredEvent) + event.message.capacity();
}

struct TimeRange {
  std::int64_t first_ms = INT64_MAX;
  std::int64_t last_ms = INT64_MIN;
};

// Reads the times of a row's events without parsing the messages. Relies on how to_json writes an
// EventRow; nullopt when the text begins differently.
std::optional<TimeRange> times_of(std::string_view text) {
  constexpr std::string_view kName = "\"times_ms\":[";
  constexpr std::size_t kNameWithin = 64;
  const std::size_t found = text.substr(0, kNameWithin).find(kName);
  if (found == std::string_view::npos) return std::nullopt;
  TimeRange range;
  const char* at = text.data() + found + kName.size();
  const char* const end = text.data() + text.size();
  while (at < end && *at != ']') {
    std::int64_t time_ms = 0;
    auto [next, error] = std::from_chars(at, end, time_ms);
    if (error != std::errc()) return std::nullopt;
    range.first_ms = std::min(range.first_ms, time_ms);
    range.last_ms = std::max(range.last_ms, time_ms);
    at = next;
    if (at < end && *at == ',') ++at;
  }
  return range;
}

}  // namespace

// Keeps those events of a bucket that come next.
class EventCursor::Window {
  bool comes_before(const Position& a, const Position& b) const { return forward_ ? a < b : b < a; }
  // Puts the furthest event on top of the heap.
  auto order() const {
    return [this](const StoredEvent& a, const StoredEvent& b) {
      return comes_before(a.position, b.position);
    };
  }

 public:
  Window(Position start, bool forward, CursorLimits limits)
      : start_(start), forward_(forward), limits_(limits) {}

  // Whether none of a row's events can belong to this window.
  bool passes_over(const TimeRange& times) const {
    if (forward_)
      return times.last_ms < start_.time_ms || (bound_ && times.first_ms > bound_->time_ms);
    return times.first_ms > start_.time_ms || (bound_ && times.last_ms < bound_->time_ms);
  }

  void add(StoredEvent event) {
    const Position& position = event.position;
    if (forward_ ? position < start_ : position >= start_) return;
    if (bound_ && !comes_before(position, *bound_)) return;
    bytes_ += bytes_of(event);
    events_.push_back(std::move(event));
    std::ranges::push_heap(events_, order());
    while (events_.size() > 1 &&
           (events_.size() > limits_.events_max || bytes_ > limits_.bytes_max))
      drop_furthest();
  }

  // Whether an event did not fit.
  bool overflowed() const { return bound_.has_value(); }

  std::vector<StoredEvent> take() {
    std::ranges::sort_heap(events_, order());
    return std::move(events_);
  }

 private:
  void drop_furthest() {
    std::ranges::pop_heap(events_, order());
    bytes_ -= bytes_of(events_.back());
    // Events at or behind the dropped one must not be kept either, or there would be a gap.
    bound_ = events_.back().position;
    events_.pop_back();
  }

  const Position start_;
  const bool forward_;
  const CursorLimits limits_;
  std::vector<StoredEvent> events_;
  std::size_t bytes_ = 0;
  std::optional<Position> bound_;  // position of the first event that was dropped
};

EventCursor::EventCursor(store::Store& store, const Stream& stream, Position start, bool forward,
                         CursorLimits limits)
    : store_(store),
      uid_(stream.uid),
      in_order_(stream.in_order),
      start_(start),
      forward_(forward),
      limits_(limits) {
  start_.time_ms = std::clamp<std::int64_t>(start_.time_ms, 0, event_time_ms_max);
}

Result<const StoredEvent*> EventCursor::peek() {
  while (ready_.empty() && !ended_) TRY(load());
  return ready_.empty() ? nullptr : &ready_.front();
}

void EventCursor::pop() {
  held_bytes_ -= bytes_of(ready_.front());
  ready_.pop_front();
}

void EventCursor::let_go() {
  if (ready_.empty()) return;
  const Position& next = ready_.front().position;
  start_ = forward_ ? next : next.after();
  ended_ = false;
  ready_ = {};
  held_bytes_ = 0;
}

Position EventCursor::border_of_bucket(std::int64_t bucket) const {
  return {(forward_ ? bucket : bucket + 1) * bucket_ms, 0, 0};
}

store::Scan EventCursor::first_scan() const {
  store::Scan scan{.table = events_table().name(),
                   .prefix = store::key({uid_, ""}),
                   .reverse = !forward_,
                   .limit = kScanRows,
                   .page_bytes_max = kScanBytes};
  const std::int64_t bucket = bucket_of(start_.time_ms);
  // When the stream's events came in order, the next one is in the border's row or a later row.
  const bool row_known = in_order_ && start_.row > 0 && start_.row < INT64_MAX;
  if (in_order_) scan.page_bytes_max = std::min(kScanBytes, limits_.bytes_max);
  if (forward_)
    scan.after = row_known ? row_key(uid_, bucket, start_.row - 1) : bucket_border(uid_, bucket);
  else
    scan.before =
        row_known ? row_key(uid_, bucket, start_.row + 1) : bucket_border(uid_, bucket + 1);
  return scan;
}

bool EventCursor::take(Window& window, std::int64_t next_bucket) {
  const bool overflowed = window.overflowed();
  for (StoredEvent& event : window.take()) {
    held_bytes_ += bytes_of(event);
    ready_.push_back(std::move(event));
  }
  if (overflowed) {
    const Position& last = ready_.back().position;
    start_ = forward_ ? last.after() : last;
    return false;
  }
  start_ = border_of_bucket(next_bucket);
  // A bucket with no events on this side of the border is no reason to stop.
  if (ready_.empty()) return true;
  return ready_.size() < limits_.events_max / 2 && held_bytes_ < limits_.bytes_max / 2;
}

// Reads buckets until enough events are ready or the stream ends.
Result<void> EventCursor::load() {
  ++loads_;
  store::Scan scan = first_scan();
  std::optional<std::int64_t> bucket;
  auto make_window = [&] {
    return Window(start_, forward_,
                  {limits_.events_max - std::min(limits_.events_max - 1, ready_.size()),
                   limits_.bytes_max - std::min(limits_.bytes_max - 1, held_bytes_)});
  };
  std::optional<Window> window;
  while (true) {
    store::Page page = TRY(store_.scan(scan));
    for (const store::Row& row : page.rows) {
      const RowKey key = parse_row_key(row.key);
      if (bucket && key.bucket != *bucket && !take(*window, key.bucket)) return {};
      if (bucket != key.bucket) {
        bucket = key.bucket;
        window.emplace(make_window());
      }
      const std::optional<TimeRange> times = times_of(row.value);
      if (times && window->passes_over(*times)) continue;
      auto record = store::read_or_skip<EventRow>(scan.table, row.key, row.value);
      if (!record) continue;
      const std::size_t count = std::min(record->times_ms.size(), record->messages.size());
      for (std::size_t i = 0; i < count; ++i)
        window->add({{record->times_ms[i], key.row, std::int64_t(i)},
                     record->ingested_ms,
                     std::move(record->messages[i])});
      // A bucket that does not fit behind ready ones is read as a whole by the next load.
      if (window->overflowed() && !ready_.empty()) {
        start_ = border_of_bucket(key.bucket);
        return {};
      }
      // The next events come after those that did not fit.
      if (in_order_ && window->overflowed()) {
        take(*window, *bucket);
        return {};
      }
    }
    if (page.next.empty()) break;
    (forward_ ? scan.after : scan.before) = page.next;
  }
  const bool overflowed = window && window->overflowed();
  if (window) take(*window, *bucket);
  ended_ = !overflowed;
  return {};
}

}  // namespace tidemill::services::logs
