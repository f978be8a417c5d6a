// An instance that is not there, and what else may answer.
#include <gtest/gtest.h>

#include "services/sagemaker_runtime/routing_entry.h"
#include "services/sagemaker_runtime/test_inference.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

constexpr std::uint16_t kNobody = 1;  // nothing listens on port 1

class FailoverTest : public InferenceTest {
 protected:
  static std::string echo(const std::string&, const std::string& body) {
    return ModelServer::answer("echo " + body);
  }
  ModelServer there_{echo};
};

TEST_F(FailoverTest, Another_instance_gets_the_whole_request) {
  put({processes({kNobody, there_.port()})});
  const std::string body(200'000, '7');
  auto answer = invoke(body);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "echo " + body);
  EXPECT_EQ(inference_.counters().failovers, 1u);
  // It is not asked first while it has just refused.
  settle();
  ASSERT_TRUE(invoke("1,2"));
  EXPECT_EQ(inference_.counters().failovers, 1u);
  EXPECT_EQ(inference_.counters().refused, 0u);
}

TEST_F(FailoverTest, Each_instance_is_tried_once) {
  put({processes({kNobody, kNobody, kNobody})});
  auto answer = invoke("1,2");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ServiceUnavailable");
  EXPECT_EQ(inference_.counters().failovers, 2u);
  // The places that it had are given back.
  settle();
  auto entry = routes_.find("111122223333", "us-east-1", "churn");
  EXPECT_EQ(entry->variants[0].in_flight_total->load(), 0);
  for (const auto& instance : entry->variants[0].instances)
    EXPECT_EQ(instance->in_flight.load(), 0);
}

TEST_F(FailoverTest, What_reached_a_model_is_not_sent_again) {
  ModelServer breaks_off([](const std::string&, const std::string&) { return std::string(); });
  put({processes({breaks_off.port(), there_.port()})});
  EXPECT_EQ(invoke("1,2").error().code, "ModelError");
  EXPECT_EQ(there_.requests(), 0);
}

TEST_F(FailoverTest, A_sessions_requests_stay_with_its_instance) {
  put({processes({kNobody, there_.port()})});
  int unreachable = 0, answered = 0;
  for (int i = 0; i < 40; ++i) {
    InvokeRequest what = request("1,2");
    what.session_id = "session-" + std::to_string(i);
    ++(invoke(what) ? answered : unreachable);
  }
  EXPECT_GT(unreachable, 0);
  EXPECT_GT(answered, 0);
  EXPECT_EQ(inference_.counters().failovers, 0u);
}

TEST_F(FailoverTest, Streams_go_to_another_instance) {
  put({processes({kNobody, there_.port()})});
  std::promise<Result<StreamedAnswer>> promise;
  loops_.nearest().post([&] {
    inference_.invoke_streaming(request("1,2"), [&](Result<StreamedAnswer> answer) {
      promise.set_value(std::move(answer));
    });
  });
  auto answer = promise.get_future().get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(there_.requests(), 1);
}

TEST_F(FailoverTest, Multi_model_containers_too) {
  VariantRoute variant = processes({kNobody, there_.port()});
  variant.containers[0].multi_model = true;
  put({variant});
  InvokeRequest what = request("1,2");
  what.target_model = "a.tar.gz";
  auto answer = invoke(what);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "echo 1,2");
}

TEST_F(FailoverTest, Of_equals_one_that_refused_comes_last) {
  EndpointRoute route;
  route.variants = {processes({1, 2, 3})};
  const RoutingTable::Entry entry(route);
  const RoutingTable::Entry::Variant& variant = entry.variants[0];
  variant.instances[0]->refused();
  EXPECT_EQ(variant.least_busy(), 1);
  variant.instances[1]->in_flight = variant.instances[2]->in_flight = 1;
  EXPECT_EQ(variant.least_busy(), 0);
  variant.instances[0]->in_flight = 1;
  EXPECT_EQ(variant.least_busy(), 1);
  const std::vector<int> except = {1, 2};
  EXPECT_EQ(variant.least_busy(except), 0);
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
