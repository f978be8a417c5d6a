// Walks the events of one stream in order, however many of them there are, with a bounded part of
// them in memory.
#pragma once

#include <deque>
#include <string>

#include "services/logs/event_store.h"

namespace tidemill::services::logs {

// What one load of a cursor keeps. At least one event is kept, however large.
struct CursorLimits {
  std::size_t events_max = 10'000;
  std::size_t bytes_max = 2u << 20;
};

// From a border, forwards or backwards. Not thread-safe.
//
// Events of one bucket of time lie in any number of rows and in any order of time: a load looks at
// all rows of a bucket and keeps those next in order. What it does not keep is read again, with
// only the times of rows looked at that lie elsewhere. Of a stream whose events came in order of
// time (most do), a load begins at the row that comes next and ends when it has enough.
class EventCursor {
 public:
  EventCursor(store::Store& store, const Stream& stream, Position start, bool forward,
              CursorLimits limits = {});

  // nullptr at the end. Valid until pop() or let_go().
  Result<const StoredEvent*> peek();
  void pop();
  // Forgets what was read ahead; peek() reads it again.
  void let_go();
  std::size_t held_bytes() const { return held_bytes_; }
  // How often the store was searched.
  std::size_t loads() const { return loads_; }

 private:
  class Window;
  Result<void> load();
  // Whether the walk may go on with the next bucket; takes over what the window kept.
  bool take(Window& window, std::int64_t next_bucket);
  Position border_of_bucket(std::int64_t bucket) const;
  store::Scan first_scan() const;

  store::Store& store_;
  const std::string uid_;
  const bool in_order_;
  Position start_;  // where the walk goes on behind what is ready
  const bool forward_;
  const CursorLimits limits_;
  bool ended_ = false;
  std::deque<StoredEvent> ready_;
  std::size_t held_bytes_ = 0;  // of ready_
  std::size_t loads_ = 0;
};

}  // namespace tidemill::services::logs
