// Which task runs when, and on which thread: timers, the order within a record, workers. Knows keys
// and times only; the store belongs to the engine.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"

namespace tidemill::engine {

struct ScheduledTask {
  std::string key;
  std::string lane;  // tasks of one lane run one at a time, ordered by key; "": no such order
  Timestamp due;
  bool begun = false;  // it was tried before: it keeps its place in the lane while it waits
};

// Thread-safe.
class Scheduler {
 public:
  struct Options {
    std::size_t workers_max;  // 0: no thread is made, and nothing runs but by run_one()
    std::chrono::milliseconds poll_interval;
  };
  // run: on a worker thread; calls finish() or retry() for the key exactly once.
  // tick: on the scheduler's own thread, at each poll, before due timers are looked at.
  Scheduler(const Clock& clock, Options options, std::function<void(const std::string& key)> run,
            std::function<void()> tick);
  ~Scheduler();

  void start();
  // Waits for what runs; forgets the rest.
  void stop();
  // Keys that are known already are left as they are.
  void add(std::vector<ScheduledTask> tasks);
  void finish(const std::string& key);
  void retry(const std::string& key, Timestamp due);
  void poll();
  // Runs one task that is due, on the caller's thread: the one at `choice` of those that are ready,
  // modulo their number. False when none is.
  bool run_one(std::uint64_t choice);

 private:
  struct Known {
    std::string lane;
    Timestamp due;
  };
  struct Lane {
    std::set<std::string> waiting;
    std::string current;  // runs, or waits for its next attempt; "": none
  };
  // With mutex_ held:
  void enter(const std::string& key);
  void advance(const std::string& lane_name);
  void make_ready(const std::string& key);
  void fire_timers();

  void keep_time();
  void work();

  const Clock& clock_;
  const Options options_;
  const std::function<void(const std::string&)> run_;
  const std::function<void()> tick_;

  std::mutex mutex_;  // guards everything below
  std::condition_variable ready_changed_;
  std::condition_variable timers_changed_;
  std::unordered_map<std::string, Known> tasks_;
  std::set<std::pair<Timestamp, std::string>> timers_;
  std::unordered_map<std::string, Lane> lanes_;
  std::deque<std::string> ready_;
  std::size_t workers_idle_ = 0;
  bool running_ = false;
  std::vector<std::thread> workers_;
  std::thread timekeeper_;
};

}  // namespace tidemill::engine
