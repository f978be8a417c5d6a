// Event loops, one a core, each an Asio io_context with a thread of its own. Asio itself stays in
// the .cc files of the edge (wire/, runtime/).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace tidemill::runtime {

class EventLoop {
 public:
  explicit EventLoop(std::string name);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs `task` on the loop's thread, soon and in order. Thread-safe. Never blocks; tasks must not
  // block either. Tasks that have not run when the loop stops are destroyed with it.
  void post(std::move_only_function<void()> task);
  // Runs `task` on the loop's thread and waits for it; in place when the loop has stopped. Not from
  // a loop's thread, and not while another thread stops the loop.
  void run_and_wait(std::move_only_function<void()> task);
  bool on_this_thread() const;
  // The loop whose thread this is, or nullptr.
  static EventLoop* current();
  boost::asio::io_context& context();
  // Joins the thread. What waits stays unrun. Not from the loop itself.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A one-shot timer of a loop. Only its loop's thread touches it, the destructor included.
class Timer {
 public:
  explicit Timer(EventLoop& loop);
  ~Timer();
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;

  // Runs `task` on the loop after `delay`; replaces what was started before.
  void start(std::chrono::nanoseconds delay, std::move_only_function<void()> task);
  // The task that was started does not run.
  void cancel();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared: with the pending wait, which checks that it is current
};

class EventLoops {
 public:
  // 0: one a core.
  explicit EventLoops(std::size_t count = 0);
  ~EventLoops();

  std::size_t size() const { return loops_.size(); }
  EventLoop& at(std::size_t index) { return *loops_[index]; }
  // The calling thread's loop when it is one of these, else the next in turn.
  EventLoop& nearest();
  // Joins every loop. Idempotent; the loops still take posts, which never run.
  void stop();

 private:
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::atomic<std::size_t> next_ = 0;
};

}  // namespace tidemill::runtime
