// Walks the events of one stream in order, however many there are, holding only a bounded part of
// them in memory.
#pragma once

#include <deque>
#include <string>

#include "services/logs/event_store.h"

namespace tidemill::services::logs {

// Limits of what one load keeps in memory. At least one event is kept, however large.
struct CursorLimits {
  std::size_t events_max = 10'000;
  std::size_t bytes_max = 2u << 20;
};

// Walks from a border, forwards or backwards. Not thread-safe.
//
// The events of a bucket lie in any number of rows, in any order of time. A load therefore looks at
// all rows of a bucket and keeps the events that come next; the others are read again later, though
// of rows that lie elsewhere only the times are read. When the stream's events came in order of
// time (most do), a load begins at the row that comes next and ends when it has enough.
class EventCursor {
 public:
  EventCursor(store::Store& store, const Stream& stream, Position start, bool forward,
              CursorLimits limits = {});

  // nullptr at the end. The pointer is valid until pop() or let_go().
  Result<const StoredEvent*> peek();
  void pop();
  // Drops what was read ahead; peek() reads it again.
  void let_go();
  std::size_t held_bytes() const { return held_bytes_; }
  // How often the store was scanned.
  std::size_t loads() const { return loads_; }

 private:
  class Window;
  Result<void> load();
  // Takes over what the window kept. Returns whether the walk may go on with the next bucket.
  bool take(Window& window, std::int64_t next_bucket);
  Position border_of_bucket(std::int64_t bucket) const;
  store::Scan first_scan() const;

  store::Store& store_;
  const std::string uid_;
  const bool in_order_;
  Position start_;  // where the walk goes on after the ready events
  const bool forward_;
  const CursorLimits limits_;
  bool ended_ = false;
  std::deque<StoredEvent> ready_;
  std::size_t held_bytes_ = 0;  // of ready_
  std::size_t loads_ = 0;
};

}  // namespace tidemill::services::logs
