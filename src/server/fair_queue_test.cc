#include "server/fair_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>

#include "base/test_eventually.h"

namespace tidemill::server {
namespace {

TEST(FairQueue, One_owner_cannot_take_every_thread) {
  std::latch let_go(1);
  std::atomic<int> running{0}, others{0};
  FairQueue queue({"test", 4, 3, 100, 100});
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(queue.try_submit("greedy", [&] {
      ++running;
      let_go.wait();
    }));
  ASSERT_TRUE(eventually([&] { return running == 3; }));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(queue.try_submit("other", [&] { ++others; }));
  EXPECT_TRUE(eventually([&] { return others == 5; }));
  EXPECT_EQ(running, 3);
  EXPECT_EQ(queue.waiting(), 7u);
  let_go.count_down();
  EXPECT_TRUE(eventually([&] { return running == 10; }));
}

TEST(FairQueue, Waiting_is_bounded_for_each_and_for_all) {
  std::latch let_go(1);
  {
    FairQueue queue({"test", 1, 1, 5, 3});
    auto wait = [&] { let_go.wait(); };
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(queue.try_submit("a", wait));
    EXPECT_FALSE(queue.try_submit("a", wait));
    EXPECT_TRUE(queue.try_submit("b", wait));
    EXPECT_TRUE(queue.try_submit("b", wait));
    EXPECT_FALSE(queue.try_submit("c", wait));
    let_go.count_down();
  }
}

TEST(FairQueue, A_task_that_throws_gives_its_thread_back) {
  std::atomic<bool> ran{false};
  FairQueue queue({"test", 1, 1, 5, 5});
  ASSERT_TRUE(queue.try_submit("a", [] { throw std::runtime_error("no"); }));
  ASSERT_TRUE(queue.try_submit("a", [&] { ran = true; }));
  EXPECT_TRUE(eventually([&] { return ran.load(); }));
}

}  // namespace
}  // namespace tidemill::server
