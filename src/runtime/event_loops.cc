#include "runtime/event_loops.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <future>
#include <thread>

#include "base/log.h"
#include "runtime/thread_name.h"
#include "runtime/time_slice.h"

namespace tidemill::runtime {
namespace asio = boost::asio;
namespace {

thread_local EventLoop* current_loop = nullptr;

}  // namespace

struct EventLoop::Impl {
  // One thread runs the context; others only post, so the hint is 1 and locking stays on.
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread;
};

EventLoop::EventLoop(std::string name) : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::thread([this, name = std::move(name)] {
    set_thread_name(name);
    prefer_short_slices();
    current_loop = this;
    for (;;) {
      try {
        impl_->context.run();
        return;
      } catch (const std::exception& error) {
        // One failed connection must not end the others.
        log::error("event loop task failed", {{"loop", name}, {"error", error.what()}});
      }
    }
  });
}

EventLoop::~EventLoop() { stop(); }

void EventLoop::stop() {
  impl_->context.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

void EventLoop::post(std::move_only_function<void()> task) {
  asio::post(impl_->context, [task = std::move(task)]() mutable { task(); });
}

void EventLoop::run_and_wait(std::move_only_function<void()> task) {
  if (!impl_->thread.joinable()) {
    task();
    return;
  }
  // Shared: the loop may still be inside set_value() when the wait ends.
  auto done = std::make_shared<std::promise<void>>();
  post([&task, done] {
    task();
    done->set_value();
  });
  done->get_future().wait();
}

bool EventLoop::on_this_thread() const { return current_loop == this; }

EventLoop* EventLoop::current() { return current_loop; }

asio::io_context& EventLoop::context() { return impl_->context; }

struct Timer::Impl {
  explicit Impl(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;
  std::move_only_function<void()> task;
  std::uint64_t serial = 0;  // grows with start() and cancel(): older waits are stale
};

Timer::Timer(EventLoop& loop) : impl_(std::make_shared<Impl>(loop.context())) {}

Timer::~Timer() {
  if (impl_) cancel();
}

Timer::Timer(Timer&&) noexcept = default;

Timer& Timer::operator=(Timer&& other) noexcept {
  if (impl_) cancel();
  impl_ = std::move(other.impl_);
  return *this;
}

void Timer::start(std::chrono::nanoseconds delay, std::move_only_function<void()> task) {
  impl_->task = std::move(task);
  const std::uint64_t serial = ++impl_->serial;
  impl_->timer.expires_after(delay);
  impl_->timer.async_wait([impl = impl_, serial](boost::system::error_code error) {
    if (error || impl->serial != serial || !impl->task) return;
    // Moved out first: the task may restart or destroy the timer.
    std::move_only_function<void()> due = std::move(impl->task);
    impl->task = nullptr;
    due();
  });
}

void Timer::cancel() {
  ++impl_->serial;
  impl_->task = nullptr;
  impl_->timer.cancel();
}

EventLoops::EventLoops(std::size_t count) {
  if (count == 0) count = std::max(1u, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < count; ++i)
    loops_.push_back(std::make_unique<EventLoop>("loop-" + std::to_string(i)));
}

EventLoops::~EventLoops() { stop(); }

EventLoop& EventLoops::nearest() {
  EventLoop* here = EventLoop::current();
  for (const std::unique_ptr<EventLoop>& loop : loops_)
    if (loop.get() == here) return *loop;
  return *loops_[next_.fetch_add(1, std::memory_order_relaxed) % loops_.size()];
}

void EventLoops::stop() {
  for (const std::unique_ptr<EventLoop>& loop : loops_) loop->stop();
}

}  // namespace tidemill::runtime
