// The outbox: events are published in the transaction of the change that they describe, and readers
// get them in the order of the commits. An event exists if and only if the change that it describes
// was committed.
//
//   store::Transaction transaction;
//   table.put(transaction, key, record, version);
//   TRY(outbox.publish(transaction, {.source = "aws.s3", .detail_type = "Object Created", ...}));
//   TRY(store.commit(std::move(transaction)));
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "engine/published_event.h"
#include "store/store.h"

namespace tidemill::engine {

struct ReadEvent {
  std::uint64_t position = 0;  // in the order of commits, over all sources
  PublishedEvent event;
};

// Reads from its own durable position: at least once, one batch after another, in order. After a
// crash the events of the last second may come again, unless the reader writes `along`.
struct EventReader {
  std::string name;               // unique, stable: the store contains it
  std::set<std::string> sources;  // only from these; empty: none until Outbox::listen
  // Writes added to `along` commit together with the position: they happen exactly once. After an
  // Error the same events come again after a pause of up to 30 s, and later ones wait.
  std::function<Result<void>(std::span<const ReadEvent>, store::Transaction& along)> take;
  // The largest backlog of events. Beyond it the oldest are removed unread, counted as lost in the
  // metrics, and a warning names the reader.
  std::uint64_t lag_max = 100'000;
  std::size_t batch_max = 100;
};

// A view in memory: rebuilt at each start in the background, then given every event in order after
// its commit. catch_up() waits for it.
struct Projection {
  std::string name;  // unique
  std::set<std::string> sources;
  // Reads its state from the store. Events committed meanwhile are applied afterwards, so apply()
  // may get a change that rebuild() has already seen.
  std::function<Result<void>()> rebuild;
  // After an Error the same event comes again after a pause; other projections wait as well.
  std::function<Result<void>(const PublishedEvent&)> apply;
};

struct OutboxOptions {
  std::chrono::milliseconds first_retry_delay{100};
  std::chrono::milliseconds retry_delay_max{30'000};
  // Interval for removing events that all readers have passed, and for checking lags.
  std::chrono::milliseconds trim_interval{1000};
  std::uint64_t projection_lag_max = 1'000'000;
};

// The outbox's own tables, for opening the store.
std::vector<store::TableSpec> outbox_tables();

// Thread-safe, except that readers must be added before start().
class Outbox {
 public:
  // Borrows all three, which must outlive it.
  Outbox(store::Store& store, const Clock& clock, Random& random, OutboxOptions options = {});
  ~Outbox();  // calls stop()

  // Whether any reader wants events of this source: fast paths check before making an event.
  bool wanted(std::string_view source) const;
  // Does nothing when no reader wants the event. Tidemill.Invalid when it is larger than
  // kEventBytesMax or has no source.
  Result<void> publish(store::Transaction& transaction, PublishedEvent event) const;

  void add(EventReader reader);
  void add(Projection projection);
  // Subscribes the reader to these sources, for events committed from now on.
  void listen(const std::string& reader, std::set<std::string> sources);

  // A reader that is new to the store begins with the next event.
  Result<void> start();
  // Waits for readers' running calls.
  void stop();

  // Waits until every projection has applied all events committed so far; false on a
  // timeout.
  bool catch_up(std::chrono::milliseconds at_most);
  // Removes events that all readers have passed now, not at the next interval: for tests.
  void trim();

  struct ReaderState {
    std::string name;
    std::uint64_t position = 0, lag = 0, taken = 0, lost = 0, failures = 0;
  };
  struct State {
    std::uint64_t head = 0;  // position of the last event known to this process
    std::uint64_t published = 0;
    std::vector<ReaderState> readers;
  };
  State state() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // shared with hooks of commits that are still queued
};

}  // namespace tidemill::engine
