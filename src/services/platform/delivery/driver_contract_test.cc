#include "services/platform/delivery/driver_contract.h"

#include <gmock/gmock.h>

#include <chrono>
#include <thread>

namespace tidemill::services::platform {

namespace {
using namespace std::chrono_literals;
using Behaviour = DriverHarness::Behaviour;
using Outcome = AttemptResult::Outcome;
}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DeliveryDriverContract);

TEST_P(DeliveryDriverContract, DeliversPayloadsWhole) {
  const std::string large(200u << 10, 'x');
  const std::string odd = "{\"a\":\"\xC3\xA4\\u0000\\r\\n\"}";
  for (const std::string& payload : {std::string("{}"), large, odd, std::string()}) {
    const AttemptResult result = attempt(payload);
    EXPECT_EQ(result.outcome, Outcome::delivered) << result.code << " " << result.message;
  }
  EXPECT_THAT(harness_->accepted(), testing::ElementsAre("{}", large, odd, ""));
}

TEST_P(DeliveryDriverContract, SaysWhatMayGoWellLater) {
  for (const Behaviour behaviour : {Behaviour::busy, Behaviour::vanish, Behaviour::absent}) {
    harness_->behave(behaviour);
    const AttemptResult result = attempt("1");
    EXPECT_EQ(result.outcome, Outcome::retry) << int(behaviour);
    EXPECT_FALSE(result.code.empty());
    EXPECT_FALSE(result.message.empty());
  }
  harness_->behave(Behaviour::accept);
  EXPECT_EQ(attempt("2").outcome, Outcome::delivered);
  EXPECT_THAT(harness_->accepted(), testing::ElementsAre("2"));
}

TEST_P(DeliveryDriverContract, SaysWhatNeverGoesWell) {
  harness_->behave(Behaviour::refuse);
  const AttemptResult result = attempt("1");
  EXPECT_EQ(result.outcome, Outcome::refused);
  EXPECT_FALSE(result.code.empty());
  EXPECT_FALSE(result.message.empty());
}

TEST_P(DeliveryDriverContract, EndsInTime) {
  for (const Behaviour behaviour : {Behaviour::hang, Behaviour::flood}) {
    harness_->behave(behaviour);
    const auto begun = std::chrono::steady_clock::now();
    (void)attempt("1");
    EXPECT_LT(std::chrono::steady_clock::now() - begun, kAttemptTimeMax) << int(behaviour);
  }
}

TEST_P(DeliveryDriverContract, EndsSoonWhenItIsToStop) {
  harness_->behave(Behaviour::hang);
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(100ms);
    stop.request_stop();
  });
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_NE(attempt("1", stop.get_token()).outcome, Outcome::delivered);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 4s);
}

TEST_P(DeliveryDriverContract, TakesSeveralAtOnce) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([this] { EXPECT_EQ(attempt("1").outcome, Outcome::delivered); });
  threads.clear();
  EXPECT_EQ(harness_->accepted().size(), 8u);
}

}  // namespace tidemill::services::platform
