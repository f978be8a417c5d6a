// Event loops, one per core: each is an Asio io_context with its own thread. Only .cc files of
// wire/ and runtime/ include Asio itself.
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

  // Runs `task` on the loop's thread, soon and in order. Thread-safe. Neither this call nor a task
  // may block. Tasks that have not run when the loop stops are destroyed with it.
  void post(std::move_only_function<void()> task);
  // Runs `task` on the loop's thread and waits for it; runs it in place when the loop has stopped.
  // Do not call on a loop's thread, or while another thread stops the loop.
  void run_and_wait(std::move_only_function<void()> task);
  bool on_this_thread() const;
  // The loop that runs on the calling thread, or nullptr.
  static EventLoop* current();
  boost::asio::io_context& context();
  // Joins the thread. Waiting tasks do not run. Do not call on the loop itself.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A one-shot timer of a loop. Use (and destroy) it only on its loop's thread.
class Timer {
 public:
  explicit Timer(EventLoop& loop);
  ~Timer();
  Timer(Timer&&) noexcept;
  Timer& operator=(Timer&&) noexcept;

  // Runs `task` on the loop after `delay`; replaces an earlier start.
  void start(std::chrono::nanoseconds delay, std::move_only_function<void()> task);
  // Cancels the started task.
  void cancel();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with the pending wait, which checks that it is current
};

class EventLoops {
 public:
  // 0: one per core.
  explicit EventLoops(std::size_t count = 0);
  ~EventLoops();

  std::size_t size() const { return loops_.size(); }
  EventLoop& at(std::size_t index) { return *loops_[index]; }
  // The calling thread's loop if it is one of these, else the next in turn.
  EventLoop& nearest();
  // Joins every loop. Idempotent; later posts are accepted but never run.
  void stop();

 private:
  std::vector<std::unique_ptr<EventLoop>> loops_;
  std::atomic<std::size_t> next_ = 0;
};

}  // namespace tidemill::runtime
