// Instances that cannot be reached, and which others answer.
#include <gmock/gmock.h>
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
  // It is not asked so soon after its refusal, however busy the other one is.
  settle();
  routes_.find("111122223333", "us-east-1", "churn")->variants[0].instances[1]->in_flight = 7;
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
  // The places that the request held are given back.
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

class LeavingTest : public FailoverTest {
 protected:
  // The error that a client or a queue gets when the instance stopped answering its request.
  Error told(Leaving why, bool from_queue, const std::string& last_words = "") {
    ModelServer ends([&](const std::string&, const std::string&) {
      load_->leaving = why;  // while the instance works on the request
      return last_words;
    });
    VariantRoute variant = processes({ends.port(), there_.port()});
    variant.instances[0].load = load_;
    put({variant});
    InvokeRequest what = request("1,2");
    what.from_queue = from_queue;
    InvokeResult result = invoke(what);
    settle();
    EXPECT_FALSE(result);
    EXPECT_EQ(there_.requests(), 0);  // the work may be half done: no other instance is asked
    return result ? Error{} : result.error();
  }
  std::shared_ptr<InstanceLoad> load_ = std::make_shared<InstanceLoad>();
};

TEST_F(LeavingTest, What_a_stop_cuts_may_be_asked_again) {
  for (const bool from_queue : {false, true}) {
    const Error error = told(Leaving::stopped, from_queue);
    EXPECT_EQ(error.code, "ServiceUnavailable");
    EXPECT_EQ(error.http_status, 503);
    load_->leaving = Leaving::no;
  }
  const std::string stopping = ModelServer::answer("stopping", "", "503 Service Unavailable");
  EXPECT_EQ(told(Leaving::stopped, true, stopping).code, "ServiceUnavailable");
}

TEST_F(LeavingTest, What_an_unhealthy_server_was_doing_counts_as_an_attempt_of_a_queue) {
  const Error to_client = told(Leaving::unhealthy, false);
  EXPECT_EQ(to_client.code, "ModelError");
  EXPECT_THAT(to_client.details.at("OriginalMessage"), ::testing::HasSubstr("health check"));
  load_->leaving = Leaving::no;
  EXPECT_EQ(told(Leaving::unhealthy, true).code, codes::kIo);
}

TEST_F(LeavingTest, A_server_that_ends_by_itself_is_the_models_error) {
  EXPECT_EQ(told(Leaving::no, false).code, "ModelError");
  EXPECT_EQ(told(Leaving::no, true).code, "ModelError");
}

TEST_F(LeavingTest, A_request_counts_on_its_instance_until_it_is_answered) {
  std::promise<void> asked, answer;
  ModelServer slow([&](const std::string&, const std::string&) {
    asked.set_value();
    answer.get_future().wait();
    return ModelServer::answer("done");
  });
  VariantRoute variant = processes({slow.port()});
  variant.instances[0].load = load_;
  put({variant});
  std::thread client([&] { EXPECT_TRUE(invoke("1,2")); });
  asked.get_future().wait();
  EXPECT_EQ(load_->in_flight, 1);
  put({processes({there_.port()})});  // a deployment removes the instance from the routes
  EXPECT_EQ(load_->in_flight, 1);
  answer.set_value();
  client.join();
  settle();
  EXPECT_EQ(load_->in_flight, 0);
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
