#include "services/sagemaker/hosting/fleet/server_health.h"

#include <gtest/gtest.h>

namespace tidemill::services::sagemaker::hosting {
namespace {

using namespace std::chrono_literals;
using Verdict = ServerHealth::Verdict;
using Ping = ServerHealth::Ping;
using Kind = Ping::Kind;

class ServerHealthTest : public ::testing::Test {
 protected:
  // Five seconds after the last one.
  Verdict judge(Kind kind, bool pings_while_busy = false) {
    now_ += 5s;
    return health_.judge({kind, ""}, pings_while_busy, work_, now_);
  }
  // The seconds of silence until a server is unhealthy, at most `most`.
  int silence_until_unhealthy(double cpu_share, int most = 10'000) {
    for (int seconds = 5; seconds <= most; seconds += 5) {
      if (work_.cpu_seconds) *work_.cpu_seconds += cpu_share * 5;
      if (judge(Kind::silent) == Verdict::unhealthy) return seconds;
    }
    return -1;
  }

  ServerHealth::Clock::time_point now_{1'000'000s};
  ServerHealth health_{now_};
  ServerHealth::Work work_;
};

TEST_F(ServerHealthTest, Three_failures_in_a_row_are_enough) {
  for (const Kind kind : {Kind::bad, Kind::refused, Kind::silent}) {
    EXPECT_EQ(judge(Kind::good), Verdict::healthy);
    EXPECT_EQ(judge(kind), Verdict::failing);
    EXPECT_EQ(judge(kind), Verdict::failing);
    EXPECT_EQ(judge(Kind::good), Verdict::healthy);
    EXPECT_EQ(judge(kind), Verdict::failing);
    EXPECT_EQ(judge(kind), Verdict::failing);
    EXPECT_EQ(judge(kind), Verdict::unhealthy);
    EXPECT_EQ(judge(kind), Verdict::unhealthy);
  }
}

TEST_F(ServerHealthTest, What_a_server_says_counts_however_much_it_has_to_do) {
  work_ = {5, now_, 3600s, 3600s, 100.0};
  for (const Verdict verdict : {Verdict::failing, Verdict::failing, Verdict::unhealthy})
    EXPECT_EQ(judge(Kind::bad), verdict);
}

TEST_F(ServerHealthTest, So_does_the_silence_of_one_that_can_answer_while_it_works) {
  work_ = {5, now_, 3600s, 3600s, 100.0};
  for (const Verdict verdict : {Verdict::failing, Verdict::failing, Verdict::unhealthy})
    EXPECT_EQ(judge(Kind::silent, true), verdict);
}

TEST_F(ServerHealthTest, A_program_that_computes_has_as_long_as_its_requests_may_take) {
  work_ = {1, {}, 600s, 0s, 0.0};
  EXPECT_EQ(silence_until_unhealthy(0.9, 600), -1);
  EXPECT_EQ(silence_until_unhealthy(0.9), 15);  // two more until three have failed
}

TEST_F(ServerHealthTest, One_that_waits_has_the_time_that_SageMaker_gives_an_answer) {
  work_ = {1, {}, 3600s, 0s, 0.0};
  EXPECT_EQ(silence_until_unhealthy(0.0), 75);  // the third after 60 s
}

TEST_F(ServerHealthTest, Less_where_requests_may_take_less) {
  work_ = {1, {}, 20s, 0s, 0.0};
  EXPECT_EQ(silence_until_unhealthy(0.0), 35);
}

TEST_F(ServerHealthTest, More_where_a_queue_lets_them_take_more) {
  work_ = {1, {}, 900s, 900s, 0.0};
  EXPECT_EQ(silence_until_unhealthy(0.0), 915);
}

TEST_F(ServerHealthTest, Without_requests_silence_is_no_work) {
  work_ = {0, now_, 3600s, 3600s, 0.0};
  EXPECT_EQ(silence_until_unhealthy(0.9), 15);
}

TEST_F(ServerHealthTest, An_answer_to_any_request_is_a_sign_of_life) {
  work_ = {1, {}, 60s, 0s, 0.0};
  for (int i = 0; i < 100; ++i) {
    if (i % 10 == 0) work_.answered_at = now_;
    ASSERT_EQ(judge(Kind::silent), Verdict::busy) << i;
  }
}

TEST_F(ServerHealthTest, Where_nothing_is_known_of_the_processor_it_is_as_if_it_waited) {
  work_ = {1, {}, 3600s, 0s, std::nullopt};
  EXPECT_EQ(silence_until_unhealthy(0.0), 75);
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
