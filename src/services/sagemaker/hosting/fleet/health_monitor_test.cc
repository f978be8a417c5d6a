#include "services/sagemaker/hosting/fleet/health_monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/test_eventually.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

using namespace std::chrono_literals;
using sagemaker_runtime::EndpointRoute;
using sagemaker_runtime::InstanceLoad;
using sagemaker_runtime::Leaving;
using sagemaker_runtime::PingAnswer;
using Kind = PingAnswer::Kind;

class HealthMonitorTest : public ::testing::Test {
 protected:
  HealthMonitorTest() : monitor_(options()) {}

  HealthOptions options() {
    HealthOptions out;
    out.interval = 10ms;
    out.ping = [this](const sagemaker_runtime::ServerAddress& address, auto done) {
      std::unique_lock lock(mutex_);
      ++asked_[address.socket_path];
      auto found = answers_.find(address.socket_path);
      const std::optional<Kind> kind = found == answers_.end() ? Kind::good : found->second;
      if (!kind) {
        held_.push_back(std::move(done));
        most_held_ = std::max(most_held_, held_.size());
        return;
      }
      lock.unlock();
      done({*kind, "status 500"});
    };
    out.is_reachable = [](const sagemaker_runtime::ServerAddress& address) {
      return address.socket_path != "lost";
    };
    out.cpu_seconds = [](const std::string&) { return std::optional(0.0); };
    out.unhealthy = [this](const UnhealthyServer& server) {
      std::lock_guard lock(mutex_);
      reports_.push_back(server);
      if (took_) load_seen_ = load_of_[server.job]->leaving.load();
      return took_;
    };
    return out;
  }
  // An endpoint whose servers have these jobs and listen on sockets named like them.
  EndpointRoute route(const std::string& name, const std::vector<std::string>& jobs) {
    EndpointRoute out;
    out.name = name;
    out.variants.resize(1);
    for (const std::string& job : jobs) {
      auto& load = load_of_[job];
      if (!load) load = std::make_shared<InstanceLoad>();
      out.variants[0].instances.push_back({{{{job, 0}, "AllTraffic/" + job, job}}, load});
    }
    return out;
  }
  void answer(const std::string& job, std::optional<Kind> kind) {
    std::lock_guard lock(mutex_);
    answers_[job] = kind;
  }
  int asked(const std::string& job) {
    std::lock_guard lock(mutex_);
    return asked_[job];
  }
  std::vector<UnhealthyServer> reports() {
    std::lock_guard lock(mutex_);
    return reports_;
  }

  std::mutex mutex_;
  std::map<std::string, int> asked_;
  std::map<std::string, std::optional<Kind>> answers_;  // nullopt: it keeps us waiting
  std::map<std::string, std::shared_ptr<InstanceLoad>> load_of_;
  std::vector<std::move_only_function<void(PingAnswer)>> held_;
  std::size_t most_held_ = 0;
  std::vector<UnhealthyServer> reports_;
  bool took_ = true;
  Leaving load_seen_ = Leaving::no;
  HealthMonitor monitor_;
};

TEST_F(HealthMonitorTest, Every_server_is_asked_again_and_again) {
  monitor_.watch(route("one", {"a", "b"}));
  monitor_.watch(route("two", {"c"}));
  EXPECT_EQ(monitor_.watched(), 3u);
  monitor_.start();
  for (const char* job : {"a", "b", "c"})
    EXPECT_TRUE(eventually([&] { return asked(job) >= 4; })) << job;
  EXPECT_TRUE(reports().empty());
}

TEST_F(HealthMonitorTest, One_that_fails_is_reported_and_the_others_are_not) {
  monitor_.watch(route("one", {"a", "b"}));
  answer("b", Kind::bad);
  monitor_.start();
  ASSERT_TRUE(eventually([&] { return !reports().empty(); }));
  const UnhealthyServer first = reports().front();
  EXPECT_EQ(first.job, "b");
  EXPECT_EQ(first.reason, "GET /ping failed 3 times in a row: status 500");
  EXPECT_EQ(first.stop_grace, 30s);
  EXPECT_EQ(load_seen_, Leaving::unhealthy);  // before its process ends
  EXPECT_EQ(load_of_["a"]->leaving, Leaving::no);
}

TEST_F(HealthMonitorTest, One_that_cannot_be_reached_is_reported_without_being_asked) {
  monitor_.watch(route("one", {"a", "lost"}));
  monitor_.start();
  ASSERT_TRUE(eventually([&] { return !reports().empty(); }));
  const UnhealthyServer first = reports().front();
  EXPECT_EQ(first.job, "lost");
  EXPECT_THAT(first.reason, ::testing::HasSubstr("earlier version"));
  EXPECT_EQ(load_seen_, Leaving::unhealthy);
  EXPECT_EQ(asked("lost"), 0);
  EXPECT_TRUE(eventually([&] { return asked("a") >= 2; }));
}

TEST_F(HealthMonitorTest, A_report_that_nobody_took_is_made_again) {
  took_ = false;
  monitor_.watch(route("one", {"a"}));
  answer("a", Kind::silent);
  monitor_.start();
  EXPECT_TRUE(eventually([&] { return reports().size() >= 3; }));
  EXPECT_EQ(reports().front().stop_grace, 2s);
  monitor_.stop();
  EXPECT_EQ(load_of_["a"]->leaving, Leaving::no);
}

TEST_F(HealthMonitorTest, A_route_that_is_published_again_forgives_nothing) {
  monitor_.watch(route("one", {"a"}));
  answer("a", Kind::bad);
  monitor_.start();
  EXPECT_TRUE(eventually([&] {
    monitor_.watch(route("one", {"a"}));
    return !reports().empty();
  }));
}

// This happens when another container of its pipeline was started again.
TEST_F(HealthMonitorTest, A_server_is_busy_by_the_load_of_the_newest_route) {
  monitor_.watch(route("one", {"a"}));
  load_of_["a"] = std::make_shared<InstanceLoad>();
  load_of_["a"]->in_flight = 1;
  load_of_["a"]->sent(60s, false);
  monitor_.watch(route("one", {"a"}));
  answer("a", Kind::silent);
  monitor_.start();
  ASSERT_TRUE(eventually([&] { return monitor_.counters.pings_busy >= 5; }));
  EXPECT_TRUE(reports().empty());
  load_of_["a"]->in_flight = 0;
  EXPECT_TRUE(eventually([&] { return !reports().empty(); }));
  EXPECT_EQ(load_of_["a"]->seconds_max, 0);
}

TEST_F(HealthMonitorTest, What_is_in_no_route_any_more_is_not_asked) {
  monitor_.watch(route("one", {"a", "b"}));
  monitor_.watch(route("two", {"c"}));
  monitor_.start();
  ASSERT_TRUE(eventually([&] { return asked("a") > 0 && asked("c") > 0; }));
  monitor_.watch(route("one", {"b"}));
  monitor_.forget("", "", "two");
  EXPECT_EQ(monitor_.watched(), 1u);
  std::this_thread::sleep_for(20ms);  // one that was on its way
  const int a = asked("a"), b = asked("b"), c = asked("c");
  ASSERT_TRUE(eventually([&] { return asked("b") > b + 3; }));
  EXPECT_EQ(asked("a"), a);
  EXPECT_EQ(asked("c"), c);
}

TEST_F(HealthMonitorTest, What_leaves_is_asked_until_it_is_about_to_be_stopped) {
  EndpointRoute leaving = route("one", {"a", "b"});
  leaving.leaving = std::move(leaving.variants[0].instances);
  leaving.variants.clear();
  answer("b", Kind::refused);
  monitor_.watch(leaving);
  monitor_.start();
  ASSERT_TRUE(eventually([&] { return !reports().empty() && asked("a") > 2; }));
  EXPECT_EQ(reports().front().job, "b");
  monitor_.drop(leaving.leaving);
  EXPECT_EQ(monitor_.watched(), 0u);
  std::this_thread::sleep_for(20ms);  // one that was on its way
  const int a = asked("a"), b = asked("b");
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(asked("a"), a);
  EXPECT_EQ(asked("b"), b);
}

TEST_F(HealthMonitorTest, So_many_that_hang_hold_up_no_more_than_their_number) {
  std::vector<std::string> hanging;
  for (std::size_t i = 0; i < kPingsUnderWayMax + 100; ++i) {
    hanging.push_back("h" + std::to_string(i));
    answer(hanging.back(), std::nullopt);
  }
  monitor_.watch(route("one", hanging));
  monitor_.start();
  ASSERT_TRUE(eventually([&] {
    std::lock_guard lock(mutex_);
    return held_.size() == kPingsUnderWayMax;
  }));
  std::this_thread::sleep_for(30ms);
  std::vector<std::move_only_function<void(PingAnswer)>> held;
  {
    std::lock_guard lock(mutex_);
    EXPECT_EQ(most_held_, kPingsUnderWayMax);
    held.swap(held_);
  }
  for (auto& done : held) done({Kind::good});
  EXPECT_TRUE(eventually([&] {
    std::lock_guard lock(mutex_);
    return asked_.size() == hanging.size();
  }));
  monitor_.stop();
  std::lock_guard lock(mutex_);
  for (auto& done : held_) done({Kind::good});  // after the end it comes to nothing
}

TEST_F(HealthMonitorTest, With_an_interval_of_nothing_nobody_is_asked) {
  HealthOptions never = options();
  never.interval = 0ms;
  HealthMonitor monitor(never);
  monitor.watch(route("one", {"a"}));
  monitor.start();
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(asked("a"), 0);
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
