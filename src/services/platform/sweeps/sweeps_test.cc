#include "services/platform/sweeps/sweeps.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "base/test_eventually.h"

namespace tidemill::services::platform {
namespace {

using namespace std::chrono_literals;
using Clock = Sweeps::Clock;

Sweeps::State state_of(const Sweeps& sweeps, std::string_view name) {
  for (Sweeps::State& state : sweeps.states())
    if (state.name == name) return std::move(state);
  return {};
}

TEST(Sweeps, Each_runs_when_its_interval_is_over_and_not_before) {
  Sweeps sweeps;
  std::atomic<int> often = 0, seldom = 0;
  sweeps.add("often", 1min, [&]() -> Result<void> { return ++often, Result<void>(); });
  sweeps.add("seldom", 1h, [&]() -> Result<void> { return ++seldom, Result<void>(); });
  const Clock::time_point now = Clock::now();
  sweeps.run_due(now + 59s - 1s);
  sweeps.run_due(now + 61s);
  EXPECT_TRUE(eventually([&] { return state_of(sweeps, "often").runs == 1; }));
  EXPECT_EQ(often, 1);
  EXPECT_EQ(seldom, 0);
  sweeps.run_due(now + 50s);  // the next turn comes a minute after the end of the last one
  sweeps.run_due(now + 2h);
  EXPECT_TRUE(eventually([&] { return state_of(sweeps, "seldom").runs == 1; }));
  EXPECT_TRUE(eventually([&] { return state_of(sweeps, "often").runs == 2; }));
}

TEST(Sweeps, One_that_runs_is_not_begun_again_and_holds_up_no_other) {
  Sweeps sweeps;
  std::promise<void> finish;
  std::shared_future<void> may_finish = finish.get_future().share();
  std::atomic<int> begun = 0, others = 0;
  sweeps.add("slow", 1s, [&, may_finish]() -> Result<void> {
    ++begun;
    may_finish.wait();
    return {};
  });
  sweeps.add("other", 1s, [&]() -> Result<void> { return ++others, Result<void>(); });
  for (int hour = 1; hour <= 3; ++hour) {
    sweeps.run_due(Clock::now() + std::chrono::hours(hour));
    ASSERT_TRUE(eventually([&] { return others == hour && begun == 1; }));
    ASSERT_TRUE(eventually([&] { return state_of(sweeps, "other").runs == std::uint64_t(hour); }));
  }
  EXPECT_EQ(begun, 1);
  finish.set_value();
  EXPECT_TRUE(eventually([&] { return state_of(sweeps, "slow").runs == 1; }));
}

TEST(Sweeps, Failures_are_counted_and_the_next_turn_comes) {
  Sweeps sweeps;
  std::atomic<int> turns = 0;
  sweeps.add("broken", 1s, [&]() -> Result<void> {
    if (++turns == 2) throw std::runtime_error("third party");
    return fail(codes::kIo, "no space");
  });
  for (std::uint64_t turn = 1; turn <= 3; ++turn) {
    sweeps.run_due(Clock::now() + 1h);
    ASSERT_TRUE(eventually([&] { return state_of(sweeps, "broken").failures == turn; }));
  }
  EXPECT_EQ(state_of(sweeps, "broken").runs, 3u);
}

TEST(Sweeps, The_scheduler_runs_them_until_it_is_stopped) {
  Sweeps sweeps;
  std::atomic<int> turns = 0;
  sweeps.add("quick", 1ms, [&]() -> Result<void> { return ++turns, Result<void>(); });
  sweeps.start();
  EXPECT_TRUE(eventually([&] { return turns >= 3; }));
  sweeps.stop();
  const int stopped_at = turns;
  sweeps.run_due(Clock::now() + 1h);
  EXPECT_EQ(turns, stopped_at);
}

TEST(Sweeps, A_name_that_is_taken_aborts) {
  Sweeps sweeps;
  sweeps.add("logs", 1s, [] { return Result<void>(); });
  EXPECT_DEATH(sweeps.add("logs", 1s, [] { return Result<void>(); }), "cannot be added");
}

}  // namespace
}  // namespace tidemill::services::platform
