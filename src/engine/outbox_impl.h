// The implementation class of Outbox (engine/outbox.h).
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <stop_token>

#include "engine/outbox.h"
#include "runtime/task_scope.h"

namespace tidemill::engine {

class Outbox::Impl {
 public:
  Impl(store::Store& store, const Clock& clock, Random& random, OutboxOptions options)
      : store_(store), clock_(clock), random_(random), options_(options) {}

  bool wanted(std::string_view source) const;
  Result<void> publish(store::Transaction& transaction, PublishedEvent event,
                       std::shared_ptr<Impl> self);
  void add(EventReader reader);
  void add(Projection projection);
  void listen(const std::string& reader, std::set<std::string> sources);
  Result<void> start();
  void stop();
  bool catch_up(std::chrono::milliseconds at_most);
  void trim(const std::stop_token& stop);
  State state() const;

 private:
  // A reader with its position, which only its own thread moves.
  struct Slot {
    explicit Slot(EventReader from) : reader(std::move(from)) {}
    EventReader reader;                      // `sources` guarded by interest_mutex_
    std::atomic<std::uint64_t> position{0};  // events up to here were read
    std::atomic<std::uint64_t> durable{0};   // the position in the store
    std::atomic<std::uint64_t> taken{0}, lost{0}, failures{0};
    bool uncertain = false;  // the last commit's outcome is unknown; own thread only
    std::chrono::steady_clock::time_point written{};  // when the position was stored
  };
  struct Batch {
    std::vector<ReadEvent> events;
    std::uint64_t last = 0;  // position up to which it reaches
    std::uint64_t lost = 0;  // rows that were removed before they could be read
  };

  // Call with interest_mutex_ held.
  void count_interest();
  Result<std::uint64_t> read_head();
  Result<Batch> load(std::uint64_t after, std::size_t limit);
  void read(Slot& slot, const std::stop_token& stop);
  // Moves the events out of the batch.
  Result<void> take(Slot& slot, Batch& batch);
  bool is_position_due(const Slot& slot, std::uint64_t position) const;
  Result<void> write_position(Slot& slot, std::uint64_t position, store::Transaction along);
  // False: the outcome of the slot's last commit is still unknown.
  bool settle(Slot& slot);
  void rebuild(const std::stop_token& stop);
  void project(const std::stop_token& stop);
  Result<void> apply(const ReadEvent& read);
  void count_lost(const std::string& name, std::atomic<std::uint64_t>& lost, std::uint64_t more);
  void keep(const std::stop_token& stop);
  // Waits until an event may have been committed after `seen` was read.
  void wait_for_events(std::uint64_t seen, const std::stop_token& stop);
  void pause(std::chrono::milliseconds delay, const std::stop_token& stop);
  std::uint64_t signals();
  std::uint64_t floor(std::uint64_t head) const;
  void raise_head(std::uint64_t head);

  store::Store& store_;
  const Clock& clock_;
  Random& random_;
  const OutboxOptions options_;

  mutable std::shared_mutex interest_mutex_;
  std::set<std::string, std::less<>> wanted_;  // guarded by interest_mutex_

  std::deque<Slot> slots_;  // fixed after start()
  std::vector<Projection> projections_;
  std::atomic<std::uint64_t> projected_{0}, projection_lost_{0}, projection_failures_{0};

  std::mutex mutex_;
  std::condition_variable_any woken_;
  std::condition_variable_any paused_;  // woken by stop requests only
  std::uint64_t signals_ = 0;           // guarded by mutex_
  int waiting_ = 0;                     // threads in wait_for_events; guarded by mutex_
  std::mutex caught_up_mutex_;
  std::condition_variable caught_up_;
  bool rebuilt_ = false;  // guarded by caught_up_mutex_

  std::atomic<std::uint64_t> head_{0}, published_{0};
  std::mutex trim_mutex_;         // one at a time
  std::uint64_t trimmed_to_ = 0;  // guarded by trim_mutex_

  runtime::TaskScope threads_;  // last: they use the members above
};

}  // namespace tidemill::engine
