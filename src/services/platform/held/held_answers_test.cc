#include "services/platform/held/held_answers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "base/test_eventually.h"

namespace tidemill::services::platform {
namespace {

using Clock = HeldAnswers::Clock;

class Held : public ::testing::Test {
 protected:
  static Clock::time_point far() { return Clock::now() + std::chrono::minutes(10); }

  HeldAnswers held_{{.held_max = 10'000}};
  std::atomic<bool> ready_ = false;
  std::atomic<int> given_ = 0, lasts_ = 0;

  HeldAnswers::Look look() {
    return [this](bool last) {
      if (last) ++lasts_;
      if (!ready_ && !last) return false;
      ++given_;
      return true;
    };
  }
};

TEST_F(Held, Answers_come_with_the_change_of_their_topic_and_of_no_other) {
  held_.hold("a", far(), look());
  held_.hold("b", far(), look());
  EXPECT_EQ(held_.held(), 2u);
  ready_ = true;
  held_.changed("c");
  EXPECT_EQ(given_, 0);
  held_.changed("a");
  EXPECT_TRUE(eventually([&] { return given_ == 1 && held_.held() == 1; }));
  EXPECT_EQ(lasts_, 0);
}

TEST_F(Held, A_change_that_came_before_is_seen_by_the_first_look) {
  ready_ = true;
  held_.hold("a", far(), look());
  EXPECT_EQ(given_, 1);
  EXPECT_EQ(held_.held(), 0u);
}

TEST_F(Held, Answers_come_at_the_latest_when_their_time_is_over) {
  held_.hold("a", Clock::now() + std::chrono::milliseconds(20), look());
  EXPECT_TRUE(eventually([&] { return given_ == 1; }));
  EXPECT_EQ(lasts_, 1);
  held_.hold("a", Clock::now(), look());  // no time to wait
  EXPECT_EQ(given_, 2);
}

TEST_F(Held, Ten_thousand_wait_and_none_is_lost_or_given_twice) {
  for (int i = 0; i < 10'000; ++i) held_.hold("a", far(), look());
  EXPECT_EQ(held_.held(), 10'000u);
  held_.hold("a", far(), look());  // one more than the limit: answered at once
  EXPECT_EQ(given_, 1);
  ready_ = true;
  held_.changed("a");
  EXPECT_TRUE(eventually([&] { return held_.held() == 0; }));
  EXPECT_EQ(given_, 10'001);
}

TEST_F(Held, Stopping_gives_all_answers) {
  for (int i = 0; i < 100; ++i) held_.hold(std::to_string(i), far(), look());
  held_.stop();
  EXPECT_EQ(given_, 100);
  EXPECT_EQ(lasts_, 100);
  held_.hold("late", far(), look());
  EXPECT_EQ(given_, 101);
}

// Answers that were woken but have not looked yet are given by stop(), exactly once each.
TEST_F(Held, Stopping_amid_a_herd_of_looks_gives_each_answer_once) {
  constexpr int kCount = 2000;
  for (int i = 0; i < kCount; ++i)
    held_.hold("a", far(), [this](bool last) {
      std::this_thread::yield();
      if (last) ++given_;
      return last;
    });
  held_.changed("a");
  held_.stop();
  EXPECT_EQ(given_, kCount);
  EXPECT_EQ(held_.held(), 0u);
}

TEST_F(Held, A_look_that_throws_is_over) {
  held_.hold("a", far(), [](bool) -> bool { throw std::runtime_error("broken"); });
  EXPECT_EQ(held_.held(), 0u);
}

TEST_F(Held, Changes_during_looks_are_not_missed) {
  std::atomic<int> state = 0;
  std::vector<std::jthread> changers;
  std::atomic<int> answered = 0;
  constexpr int kTarget = 2000;
  held_.hold("a", far(), [&](bool) {
    if (state < kTarget) return false;
    ++answered;
    return true;
  });
  for (int thread = 0; thread < 4; ++thread)
    changers.emplace_back([&] {
      for (int i = 0; i < kTarget / 4; ++i) {
        ++state;
        held_.changed("a");
      }
    });
  EXPECT_TRUE(eventually([&] { return answered == 1; }));
}

}  // namespace
}  // namespace tidemill::services::platform
