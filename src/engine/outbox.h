// The outbox: events that are published in the transaction of the change that they tell of, and
// that readers take from there in the order of the commits. An event is there exactly if its change
// is.
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

// Reads from its own position, which is durable: at least once, one batch after the other, in
// order. After a crash the events of the last second may come again, unless the reader wrote along.
struct EventReader {
  std::string name;               // unique, stable: it stands in the store
  std::set<std::string> sources;  // of these only; empty: none until Outbox::listen
  // What it adds to `along` commits together with its position: such an effect happens exactly
  // once. An Error: the same events come again after a pause, up to 30 s, and later ones wait.
  std::function<Result<void>(std::span<const ReadEvent>, store::Transaction& along)> take;
  // So many events may lie before it. Past that the oldest are removed unread, counted as lost by
  // the metrics, and a warning names the reader.
  std::uint64_t lag_max = 100'000;
  std::size_t batch_max = 100;
};

// A view in memory: made anew at each start, in the background, then told every event in order,
// after its commit. catch_up() waits for it.
struct Projection {
  std::string name;  // unique
  std::set<std::string> sources;
  // Reads what it needs from the store. Events that committed meanwhile are told afterwards, so
  // that apply() may meet a change which rebuild() has seen.
  std::function<Result<void>()> rebuild;
  // An Error: the same event comes again after a pause; other projections wait with it.
  std::function<Result<void>(const PublishedEvent&)> apply;
};

struct OutboxOptions {
  std::chrono::milliseconds first_retry_delay{100};
  std::chrono::milliseconds retry_delay_max{30'000};
  // How often what every reader has passed is removed, and lags are looked at.
  std::chrono::milliseconds trim_interval{1000};
  std::uint64_t projection_lag_max = 1'000'000;
};

// The tables that it needs, for whoever opens the store.
std::vector<store::TableSpec> outbox_tables();

// Thread-safe, except that readers are added before start().
class Outbox {
 public:
  // Borrows all three; they outlive it.
  Outbox(store::Store& store, const Clock& clock, Random& random, OutboxOptions options = {});
  ~Outbox();  // calls stop()

  // Whether anybody reads events of this source: callers on a fast path ask before they make one.
  bool wanted(std::string_view source) const;
  // Costs nothing when nobody wants it. Tidemill.Invalid when it is larger than kEventBytesMax or
  // names no source.
  Result<void> publish(store::Transaction& transaction, PublishedEvent event) const;

  void add(EventReader reader);
  void add(Projection projection);
  // From now on the reader wants these sources. It is told of no event that committed before.
  void listen(const std::string& reader, std::set<std::string> sources);

  // A reader that the store does not know begins with the next event.
  Result<void> start();
  // Waits for running calls of readers.
  void stop();

  // Waits until every projection has been told all that is committed now; false when the time is
  // over.
  bool catch_up(std::chrono::milliseconds at_most);
  // Removes what every reader has passed, now instead of at the next interval: for tests.
  void trim();

  struct ReaderState {
    std::string name;
    std::uint64_t position = 0, lag = 0, taken = 0, lost = 0, failures = 0;
  };
  struct State {
    std::uint64_t head = 0;  // of the last event that this process knows
    std::uint64_t published = 0;
    std::vector<ReaderState> readers;
  };
  State state() const;
  // Prometheus's text.
  std::string metrics_text() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // shared with hooks of commits that may still be queued
};

}  // namespace tidemill::engine
