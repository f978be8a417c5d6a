#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <future>
#include <latch>
#include <stdexcept>
#include <thread>

#include "runtime/event_loops.h"
#include "runtime/signals.h"
#include "runtime/task_scope.h"
#include "runtime/time_slice.h"
#include "runtime/worker_pool.h"

namespace tidemill::runtime {
namespace {

using std::chrono::milliseconds;

TEST(WorkerPool, RunsTasks) {
  std::atomic<int> count = 0;
  std::latch done(100);
  WorkerPool pool({.name = "test", .threads = 3});
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(pool.try_submit([&] {
      ++count;
      done.count_down();
    }));
  done.wait();
  EXPECT_EQ(100, count);
}

TEST(WorkerPool, RefusesPastItsQueueAndKeepsTheTask) {
  std::latch started(1);
  std::latch go(1);
  WorkerPool pool({.name = "test", .threads = 1, .queue_max = 2});
  ASSERT_TRUE(pool.try_submit([&] {
    started.count_down();
    go.wait();
  }));
  started.wait();
  EXPECT_TRUE(pool.try_submit([] {}));
  EXPECT_TRUE(pool.try_submit([] {}));
  bool ran = false;
  WorkerPool::Task refused = [&] { ran = true; };
  EXPECT_FALSE(pool.try_submit(std::move(refused)));
  EXPECT_EQ(1u, pool.rejected());
  EXPECT_EQ(2u, pool.waiting());
  EXPECT_EQ(1u, pool.running());
  ASSERT_TRUE(static_cast<bool>(refused));
  refused();
  EXPECT_TRUE(ran);
  go.count_down();
}

TEST(WorkerPool, StopFinishesWhatRunsAndDropsWhatWaits) {
  std::latch started(1);
  std::atomic<bool> finished = false;
  std::atomic<bool> ran = false;
  WorkerPool pool({.name = "test", .threads = 1});
  auto token = std::make_shared<int>(0);
  ASSERT_TRUE(pool.try_submit([&] {
    started.count_down();
    std::this_thread::sleep_for(milliseconds(20));
    finished = true;
  }));
  ASSERT_TRUE(pool.try_submit([&, token] { ran = true; }));
  started.wait();
  pool.stop();
  EXPECT_TRUE(finished);
  EXPECT_FALSE(ran);
  EXPECT_EQ(1, token.use_count());
  EXPECT_FALSE(pool.try_submit([] {}));
}

TEST(WorkerPool, SurvivesAnException) {
  std::promise<void> after;
  WorkerPool pool({.name = "test", .threads = 1});
  ASSERT_TRUE(pool.try_submit([] { throw std::runtime_error("expected by the test"); }));
  ASSERT_TRUE(pool.try_submit([&] { after.set_value(); }));
  after.get_future().wait();
}

TEST(TaskScope, JoinsItsThreads) {
  std::atomic<int> ended = 0;
  {
    TaskScope scope;
    for (int i = 0; i < 3; ++i)
      EXPECT_TRUE(scope.spawn("task", [&](std::stop_token stop) {
        while (!stop.stop_requested()) std::this_thread::sleep_for(milliseconds(1));
        ++ended;
      }));
    EXPECT_TRUE(scope.spawn(
        "thrower", [](std::stop_token) { throw std::runtime_error("expected by the test"); }));
  }
  EXPECT_EQ(3, ended);
  TaskScope scope;
  scope.stop();
  EXPECT_FALSE(scope.spawn("late", [](std::stop_token) {}));
}

TEST(EventLoops, PostInOrderOnTheirThread) {
  std::vector<int> order;
  std::promise<void> done;
  EventLoops loops(2);
  EventLoop& loop = loops.at(1);
  for (int i = 0; i < 10; ++i) loop.post([&, i] { order.push_back(i); });
  loop.post([&] {
    EXPECT_TRUE(loop.on_this_thread());
    EXPECT_FALSE(loops.at(0).on_this_thread());
    EXPECT_EQ(&loop, &loops.nearest());
    done.set_value();
  });
  done.get_future().wait();
  EXPECT_EQ(10u, order.size());
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_NE(&loops.nearest(), &loops.nearest()) << "in turn from elsewhere";
  EXPECT_EQ(nullptr, EventLoop::current());
}

TEST(EventLoops, SurviveAnExceptionAndStop) {
  EventLoops loops(1);
  loops.at(0).post([] { throw std::runtime_error("expected by the test"); });
  bool ran = false;
  loops.at(0).run_and_wait([&] { ran = true; });
  EXPECT_TRUE(ran);
  loops.stop();
  auto token = std::make_shared<int>(0);
  loops.at(0).post([token] {});
  ran = false;
  loops.at(0).run_and_wait([&] { ran = true; });
  EXPECT_TRUE(ran) << "in place once the loop has stopped";
}

TEST(Timer, RunsOnceAndCanBeReplacedOrCancelled) {
  std::atomic<int> fired = 0;
  std::promise<void> done;
  EventLoops loops(1);
  EventLoop& loop = loops.at(0);
  std::unique_ptr<Timer> timer;
  std::unique_ptr<Timer> other;
  const auto start = std::chrono::steady_clock::now();
  loop.run_and_wait([&] {
    timer = std::make_unique<Timer>(loop);
    other = std::make_unique<Timer>(loop);
    timer->start(milliseconds(1), [&] { fired = 100; });
    timer->start(milliseconds(20), [&] {
      ++fired;
      // Restarted from within its own task.
      timer->start(milliseconds(5), [&] { done.set_value(); });
    });
    other->start(milliseconds(10), [&] { fired = 100; });
    other->cancel();
  });
  done.get_future().wait();
  EXPECT_EQ(1, fired);
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(25));
  loop.run_and_wait([&] {
    timer->start(milliseconds(1), [&] { fired = 100; });
    timer.reset();
    other.reset();
  });
  std::this_thread::sleep_for(milliseconds(10));
  EXPECT_EQ(1, fired);
}

TEST(StopSignals, WaitForSignalsAndInterrupts) {
  StopSignals signals;
  signals.interrupt();
  EXPECT_EQ(0, signals.wait());
  kill(getpid(), SIGTERM);
  EXPECT_EQ(SIGTERM, signals.wait());
}

// sched_getattr(2) returns the slice in the 64-bit word at byte 24.
std::uint64_t slice_nanoseconds() {
  std::array<std::uint64_t, 6> attributes{};
  EXPECT_EQ(0, ::syscall(SYS_sched_getattr, 0, attributes.data(), sizeof attributes, 0));
  return attributes[3];
}

TEST(TimeSlice, A_thread_that_prefers_short_ones_keeps_its_priority) {
  utsname kernel{};
  ::uname(&kernel);
  char* minor = nullptr;
  const long major = std::strtol(kernel.release, &minor, 10);
  if (major < 6 || (major == 6 && std::strtol(minor + 1, nullptr, 10) < 12))
    GTEST_SKIP() << "Linux " << kernel.release << " knows no slices of threads";
  std::thread([] {
    const auto self = id_t(::gettid());
    const int priority = std::min(19, ::getpriority(PRIO_PROCESS, self) + 1);
    ASSERT_EQ(0, ::setpriority(PRIO_PROCESS, self, priority));
    prefer_short_slices();
    EXPECT_EQ(100'000u, slice_nanoseconds());
    EXPECT_EQ(priority, ::getpriority(PRIO_PROCESS, self));
  }).join();
  EXPECT_NE(100'000u, slice_nanoseconds());
}

}  // namespace
}  // namespace tidemill::runtime
