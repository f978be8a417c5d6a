#include "services/platform/delivery/delivery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <thread>

#include "base/test_eventually.h"
#include "engine/make_engine.h"
#include "services/platform/delivery/delivery_events.h"
#include "services/platform/metrics/test_metrics.h"
#include "store/fault/fault_store.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::platform {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kQueue = "arn:aws:sqs:us-east-1:123456789012:queue";
constexpr const char* kDeadQueue = "arn:aws:sqs:us-east-1:123456789012:dead";

class TestDriver final : public DeliveryDriver {
 public:
  std::string action() const override { return "sqs:SendMessage"; }
  AttemptResult attempt(const Attempt& attempt, const std::stop_token& stop) override {
    std::unique_lock lock(mutex_);
    attempts_.push_back(attempt);
    if (hold_ && attempt.target == kQueue)
      while (hold_ && !stop.stop_requested()) {
        lock.unlock();
        std::this_thread::sleep_for(1ms);
        lock.lock();
      }
    if (attempt.target == kDeadQueue) return dead_answer_;
    if (answers_.empty()) return AttemptResult::delivered();
    AttemptResult answer = answers_.front();
    answers_.erase(answers_.begin());
    return answer;
  }
  std::vector<Attempt> attempts() {
    std::lock_guard lock(mutex_);
    return attempts_;
  }
  void answer(std::vector<AttemptResult> answers) {
    std::lock_guard lock(mutex_);
    answers_ = std::move(answers);
  }
  std::atomic<bool> hold_ = false;
  AttemptResult dead_answer_ = AttemptResult::delivered();

 private:
  std::mutex mutex_;
  std::vector<Attempt> attempts_;       // guarded by mutex_
  std::vector<AttemptResult> answers_;  // guarded by mutex_
};

class DeliveriesTest : public testing::Test {
 protected:
  DeliveriesTest() {
    std::vector<store::TableSpec> tables = engine::engine_tables();
    for (store::TableSpec& table : Deliveries::tables()) tables.push_back(std::move(table));
    memory_ = store::make_memory_store(tables);
    store_ = store::make_fault_store(*memory_, [this](const store::FaultPoint& point) {
      const bool fails = point.transaction && erases_delivery(*point.transaction) &&
                         erasures_failing_.fetch_sub(1) > 0;
      return store::Fault{fails ? store::FaultKind::storage_full : store::FaultKind::none};
    });
    begin();
  }
  ~DeliveriesTest() override { engine_->stop(); }
  void begin() {
    engine_.reset();
    engine_ = engine::make_engine(*store_, wall_, clock_, *random_, {.poll_interval = 2ms});
    deliveries_ = std::make_unique<Deliveries>(
        *store_, *engine_, *random_, clock_,
        DeliveryPorts{[this](const std::string&, const std::string& action,
                             const std::string& target) -> Result<void> {
          asked_ = action + " " + target;
          return allowed_ ? Result<void>() : Result<void>(fail("AccessDeniedException", "no"));
        }},
        pending_max_);
    deliveries_->add("sqs", "", driver_);
    deliveries_->add_to(*engine_);
    ASSERT_TRUE(engine_->start());
  }
  Delivery to_queue() {
    Delivery delivery;
    delivery.account = "123456789012";
    delivery.region = "us-east-1";
    delivery.target = kQueue;
    delivery.payload = "{\"a\":1}";
    delivery.role_arn = "arn:aws:iam::123456789012:role/r";
    delivery.dead_letter_target = kDeadQueue;
    return delivery;
  }
  static bool erases_delivery(const store::Transaction& transaction) {
    return std::ranges::any_of(transaction.operations(), [](const auto& operation) {
      return operation.kind == store::Transaction::Operation::Kind::erase &&
             operation.table == delivery_table().name();
    });
  }
  // To another target that shares the queue's lane.
  Delivery to_neighbour() {
    const auto lane = [](const std::string& target) {
      return std::hash<std::string>()(target) % kDeliveryLanes;
    };
    Delivery delivery = to_queue();
    for (int i = 0; delivery.target == kQueue || lane(delivery.target) != lane(kQueue); ++i)
      delivery.target = "arn:aws:sqs:us-east-1:123456789012:neighbour" + std::to_string(i);
    return delivery;
  }
  // Advances the clock until no delivery is pending.
  bool over(std::chrono::milliseconds step = 700s) {
    return eventually([&] {
      clock_.advance(step);
      engine_->poll();
      return *deliveries_->pending() == 0;
    });
  }
  std::vector<std::string> targets() {
    std::vector<std::string> found;
    for (const Attempt& attempt : driver_.attempts()) found.push_back(attempt.target);
    return found;
  }

  ManualClock clock_{Timestamp{1'800'000'000'000'000}};  // for durations
  ManualClock wall_{Timestamp{1'800'000'000'000'000}};
  std::atomic<int> erasures_failing_ = 0;
  std::size_t pending_max_ = kDeliveriesPendingMax;
  std::unique_ptr<store::Store> memory_;
  std::unique_ptr<Random> random_ = make_seeded_random(7);
  std::unique_ptr<store::Store> store_;
  TestDriver driver_;
  std::atomic<bool> allowed_ = true;
  std::string asked_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<Deliveries> deliveries_;
};

AttemptResult busy() { return AttemptResult::retry("503", "busy"); }

TEST(DeliveryInvariants, Dead_deliveriesSayWhy) {
  DeliveryRecord record;
  record.delivery.target = "http://t";
  record.id = "1";
  EXPECT_EQ(invariant(record), "");
  record.exhausted = "NonRetryable";
  EXPECT_NE(invariant(record), "");
  record.state = DeliveryState::dead;
  EXPECT_EQ(invariant(record), "");
  record.exhausted.clear();
  EXPECT_NE(invariant(record), "");
  store::Transaction transaction;
  EXPECT_DEATH(delivery_table().put(transaction, "k", {}, 0), "platform_deliveries.*k");
}

}  // namespace

TEST_F(DeliveriesTest, DeliversOnceAndForgets) {
  ASSERT_TRUE(deliveries_->send(to_queue()));
  ASSERT_TRUE(over());
  ASSERT_EQ(driver_.attempts().size(), 1u);
  const Attempt attempt = driver_.attempts()[0];
  EXPECT_EQ(attempt.payload, "{\"a\":1}");
  EXPECT_EQ(attempt.target, kQueue);
  EXPECT_EQ(attempt.number, 1);
  EXPECT_EQ(asked_, std::string("sqs:SendMessage ") + kQueue);
  EXPECT_EQ(deliveries_->counters().delivered, 1u);
}

TEST_F(DeliveriesTest, TriesAgainUntilItGoesWell) {
  driver_.answer({busy(), busy(), busy()});
  ASSERT_TRUE(deliveries_->send(to_queue()));
  ASSERT_TRUE(over());
  EXPECT_EQ(driver_.attempts().size(), 4u);
  EXPECT_EQ(driver_.attempts().back().number, 4);
  EXPECT_EQ(deliveries_->counters().failed_attempts, 3u);
}

TEST_F(DeliveriesTest, GoesToTheDeadLettersWhenRetriesAreUsedUp) {
  driver_.answer({busy(), busy(), busy(), busy(), busy()});
  Delivery delivery = to_queue();
  delivery.policy.retries_max = 2;
  ASSERT_TRUE(deliveries_->send(delivery));
  ASSERT_TRUE(over());
  EXPECT_THAT(targets(), ElementsAre(kQueue, kQueue, kQueue, kDeadQueue));
  const auto why = driver_.attempts().back().attributes;
  EXPECT_EQ(why.at("EXHAUSTED_RETRY_CONDITION"), "MaximumRetryAttempts");
  EXPECT_EQ(why.at("RETRY_ATTEMPTS"), "2");
  EXPECT_EQ(why.at("ERROR_CODE"), "503");
  EXPECT_EQ(why.at("ERROR_MESSAGE"), "busy");
  EXPECT_EQ(why.at("TARGET_ARN"), kQueue);
  EXPECT_EQ(deliveries_->counters().dead_lettered, 1u);
}

TEST_F(DeliveriesTest, AgesOut) {
  driver_.answer(std::vector<AttemptResult>(100, busy()));
  Delivery delivery = to_queue();
  delivery.policy.event_age_seconds_max = 60;
  ASSERT_TRUE(deliveries_->send(delivery));
  ASSERT_TRUE(over(1s));
  EXPECT_EQ(driver_.attempts().back().attributes.at("EXHAUSTED_RETRY_CONDITION"),
            "MaximumEventAgeInSeconds");
  EXPECT_LT(driver_.attempts().size(), 15u) << "pauses double";
}

TEST_F(DeliveriesTest, WhatIsRefusedIsNotTriedAgain) {
  driver_.answer({AttemptResult::refused("404", "no such queue")});
  ASSERT_TRUE(deliveries_->send(to_queue()));
  ASSERT_TRUE(over());
  EXPECT_THAT(targets(), ElementsAre(kQueue, kDeadQueue));
  EXPECT_FALSE(driver_.attempts()[1].attributes.contains("EXHAUSTED_RETRY_CONDITION"));
}

TEST_F(DeliveriesTest, ARoleWithoutTheRightNeverReachesTheTarget) {
  allowed_ = false;
  ASSERT_TRUE(deliveries_->send(to_queue()));
  ASSERT_TRUE(over());
  EXPECT_THAT(targets(), ElementsAre(kDeadQueue));
  EXPECT_EQ(driver_.attempts()[0].attributes.at("ERROR_CODE"), "NO_PERMISSIONS");
}

TEST_F(DeliveriesTest, WithoutDeadLettersItIsDroppedAndCounted) {
  driver_.answer({AttemptResult::refused("404", "no such queue")});
  Delivery delivery = to_queue();
  delivery.dead_letter_target = "";
  ASSERT_TRUE(deliveries_->send(delivery));
  ASSERT_TRUE(over());
  EXPECT_EQ(deliveries_->counters().dropped, 1u);
  EXPECT_THAT(metrics_text(*deliveries_), HasSubstr("tidemill_deliveries_dropped_total 1\n"));
}

TEST_F(DeliveriesTest, DeadLettersThatCannotBeDeliveredAreDroppedInTheEnd) {
  driver_.answer({AttemptResult::refused("404", "no such queue")});
  driver_.dead_answer_ = busy();
  ASSERT_TRUE(deliveries_->send(to_queue()));
  ASSERT_TRUE(over());
  EXPECT_EQ(driver_.attempts().size(), std::size_t(1 + kBuryAttemptsMax));
  EXPECT_EQ(deliveries_->counters().dropped, 1u);
}

TEST_F(DeliveriesTest, ADeadLetterThatFailsDoesNotHoldItsLane) {
  driver_.answer({AttemptResult::refused("404", "no such queue")});
  driver_.dead_answer_ = busy();
  ASSERT_TRUE(deliveries_->send(to_queue()));
  ASSERT_TRUE(eventually([&] { return driver_.attempts().size() == 2; }));
  const Delivery neighbour = to_neighbour();
  ASSERT_TRUE(deliveries_->send(neighbour));
  // The clock stands still: the dead letter's next attempt is not due.
  EXPECT_TRUE(eventually([&] { return deliveries_->counters().delivered == 1; }));
  EXPECT_THAT(targets(), ElementsAre(kQueue, kDeadQueue, neighbour.target));
  EXPECT_TRUE(eventually([&] { return *deliveries_->pending() == 1; }));
  ASSERT_TRUE(over());
}

TEST_F(DeliveriesTest, AFailureToForgetNeitherHoldsTheLaneNorDeliversAgain) {
  erasures_failing_ = 1;
  ASSERT_TRUE(deliveries_->send(to_queue()));
  ASSERT_TRUE(eventually([&] { return erasures_failing_ <= 0; }));
  const Delivery neighbour = to_neighbour();
  ASSERT_TRUE(deliveries_->send(neighbour));
  EXPECT_TRUE(eventually([&] { return *deliveries_->pending() == 1; }));
  EXPECT_THAT(targets(), ElementsAre(kQueue, neighbour.target));
  erasures_failing_ = 2;
  ASSERT_TRUE(over());
  EXPECT_EQ(driver_.attempts().size(), 2u);
  EXPECT_EQ(deliveries_->counters().delivered, 2u);
}

TEST_F(DeliveriesTest, AStepOfTheWallClockAgesNothing) {
  driver_.hold_ = true;
  Delivery delivery = to_queue();
  delivery.policy.event_age_seconds_max = 60;
  ASSERT_TRUE(deliveries_->send(delivery));
  ASSERT_TRUE(eventually([&] { return driver_.attempts().size() == 1; }));
  driver_.answer({busy()});
  wall_.advance(48h);
  driver_.hold_ = false;
  ASSERT_TRUE(over(1s));
  EXPECT_THAT(targets(), ElementsAre(kQueue, kQueue));
  EXPECT_EQ(deliveries_->counters().delivered, 1u);
}

TEST_F(DeliveriesTest, RefusesMoreThanMayBePending) {
  engine_->stop();
  pending_max_ = 3;
  begin();
  driver_.hold_ = true;
  const auto codes_of_sends = [&](int count) {
    std::vector<std::string> found;
    for (; count > 0; --count) {
      const Result<std::string> sent = deliveries_->send(to_queue());
      found.push_back(sent ? "sent" : sent.error().code);
    }
    return found;
  };
  EXPECT_THAT(codes_of_sends(5),
              ElementsAre("sent", "sent", "sent", codes::kOverloaded, codes::kOverloaded));
  driver_.answer({busy(), busy(), busy()});  // for the attempts that the stop interrupts
  engine_->stop();
  driver_.answer({});
  begin();  // deliveries in the store still count after a restart
  EXPECT_THAT(codes_of_sends(1), ElementsAre(codes::kOverloaded));
  driver_.hold_ = false;
  ASSERT_TRUE(over());
  driver_.hold_ = true;
  EXPECT_THAT(codes_of_sends(4), ElementsAre("sent", "sent", "sent", codes::kOverloaded));
  driver_.hold_ = false;
  ASSERT_TRUE(over());
}

TEST_F(DeliveriesTest, RefusesWhatCannotBeDelivered) {
  auto with = [&](auto change) {
    Delivery delivery = to_queue();
    change(delivery);
    const Result<std::string> sent = deliveries_->send(delivery);
    return sent ? std::string("sent") : sent.error().code;
  };
  EXPECT_EQ(with([](Delivery& d) { d.target = "arn:aws:lambda:us-east-1:1:function:f"; }),
            codes::kInvalid);
  EXPECT_EQ(with([](Delivery& d) { d.target = "nonsense"; }), codes::kInvalid);
  EXPECT_EQ(with([](Delivery& d) { d.target = "https://x/"; }), codes::kInvalid);
  EXPECT_EQ(with([](Delivery& d) { d.dead_letter_target = "nonsense"; }), codes::kInvalid);
  EXPECT_EQ(with([](Delivery& d) { d.policy.retries_max = 186; }), codes::kInvalid);
  EXPECT_EQ(with([](Delivery& d) { d.policy.event_age_seconds_max = 59; }), codes::kInvalid);
  EXPECT_EQ(with([](Delivery& d) { d.payload.assign(kDeliveryBytesMax + 1, 'x'); }),
            codes::kInvalid);
  EXPECT_THAT(driver_.attempts(), IsEmpty());
}

TEST_F(DeliveriesTest, GoesOnAfterARestart) {
  driver_.hold_ = true;
  ASSERT_TRUE(deliveries_->send(to_queue()));
  ASSERT_TRUE(eventually([&] { return driver_.attempts().size() == 1; }));
  driver_.answer({busy()});
  engine_->stop();  // interrupts the attempt, which is then not counted
  driver_.answer({});
  driver_.hold_ = false;
  begin();
  ASSERT_TRUE(over());
  EXPECT_EQ(driver_.attempts().back().number, 1);
  EXPECT_EQ(deliveries_->counters().delivered, 1u);
}

// A hanging target holds its own lane, but none of the workers that others need.
TEST_F(DeliveriesTest, ATargetThatHangsHoldsOneWorker) {
  driver_.hold_ = true;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(deliveries_->send(to_queue()));
  ASSERT_TRUE(eventually([&] { return !driver_.attempts().empty(); }));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(driver_.attempts().size(), 1u);
  driver_.hold_ = false;
  EXPECT_TRUE(over());
  EXPECT_EQ(driver_.attempts().size(), 100u);
}

TEST(DeliveryTransitions, AreAskedForTheirTasks) {
  DeliveryRecord record;
  record.delivery.policy = {1, 3600};
  record.created = Timestamp{0};
  const engine::Event failed{AttemptFailed::kType,
                             to_value(AttemptFailed{"503", "busy", false, 2000})};
  auto step = delivery_transition(record, failed, Timestamp{0});
  ASSERT_TRUE(step && *step);
  ASSERT_EQ((*step)->tasks.size(), 1u);
  EXPECT_EQ((*step)->tasks[0].type, delivery_tasks::kAttempt);
  EXPECT_EQ((*step)->tasks[0].delay, 2s);
  step = delivery_transition((*step)->next, failed, Timestamp{0});
  ASSERT_TRUE(step && *step);
  EXPECT_EQ((*step)->next.state, DeliveryState::dead);
  EXPECT_EQ((*step)->tasks[0].type, delivery_tasks::kBury);
  step = delivery_transition((*step)->next, failed, Timestamp{0});
  ASSERT_TRUE(step);
  EXPECT_FALSE(*step) << "stale";
  EXPECT_FALSE(delivery_transition(record, {"Unknown", {}}, Timestamp{0}));
  step = delivery_transition(record,
                             engine::Event{"TaskFailed", to_value(engine::TaskFailure{
                                                             delivery_tasks::kAttempt, "Io", "x"})},
                             Timestamp{0});
  ASSERT_TRUE(step && *step) << "a delivery never stays without a task";
  EXPECT_EQ((*step)->tasks[0].type, delivery_tasks::kAttempt);
}

}  // namespace tidemill::services::platform
