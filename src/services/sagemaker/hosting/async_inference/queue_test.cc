// The queue of an endpoint: its order, and how much of it is under way.
#include "services/platform/metrics/test_metrics.h"
#include "services/sagemaker/hosting/async_inference/test_async_inference.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

using std::chrono::milliseconds;

TEST_F(AsyncInferenceTest, asks_an_instance_no_more_than_it_takes) {
  hold_ = true;
  start();
  for (int i = 0; i < 5; ++i) {
    put("in/" + std::to_string(i), std::to_string(i));
    invoke_well(input("s3://b/in/" + std::to_string(i), "i" + std::to_string(i)));
  }
  ASSERT_TRUE(eventually([&] { return held() == 2; }));
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_EQ(held(), 2u);
  EXPECT_NE(
      platform::metrics_text(*async_).find("tidemill_async_waiting{account=\"123456789012\",region="
                                           "\"eu-west-1\",endpoint=\"slow\"} 3\n"),
      std::string::npos);
  EXPECT_NE(
      platform::metrics_text(*async_).find("tidemill_async_running{account=\"123456789012\",region="
                                           "\"eu-west-1\",endpoint=\"slow\"} 2\n"),
      std::string::npos);
  answer_one();
  ASSERT_TRUE(eventually([&] { return bodies().size() == 3; }));
  set_instances(2);
  ASSERT_TRUE(eventually([&] { return bodies().size() == 5; }));
}

TEST_F(AsyncInferenceTest, keeps_the_order_of_arrival) {
  target_.concurrent_invocations_per_instance = 1;
  target_.instances = 0;
  start();
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    clock_.advance(milliseconds(1));
    AsyncInput request = input("");
    request.input_location.reset();
    expected.push_back(std::to_string(i));
    request.body = Blob{expected.back()};
    invoke_well(request);
  }
  set_instances(1);
  ASSERT_TRUE(eventually([&] { return bodies().size() == 20; }));
  EXPECT_EQ(bodies(), expected);
}

TEST_F(AsyncInferenceTest, waits_for_an_endpoint_at_no_instances) {
  target_.instances = 0;
  start();
  put("in", "x");
  invoke_well(input("s3://b/in", "i"));
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_TRUE(bodies().empty());
  set_instances(1);
  EXPECT_TRUE(eventually([&] { return object("out/i.out") == "answer to x"; }));
}

TEST_F(AsyncInferenceTest, asks_again_when_the_model_had_no_room) {
  int asked = 0;
  model_ = [&asked](const AsyncCall&) -> Result<AsyncAnswer> {
    if (++asked < 6) return fail("ServiceUnavailable", "every instance is busy", 503);
    return AsyncAnswer{"at last", "text/plain"};
  };
  start();
  put("in", "x");
  invoke_well(input("s3://b/in", "i"));
  EXPECT_TRUE(eventually([&] { return object("out/i.out") == "at last"; }));
}

// Its server failed a health check: maybe because of this very input.
TEST_F(AsyncInferenceTest, asks_again_a_few_times_when_the_server_was_ended) {
  std::atomic<int> asked = 0;
  model_ = [&asked](const AsyncCall& call) -> Result<AsyncAnswer> {
    ++asked;
    if (call.body == "good" && asked > 1) return AsyncAnswer{"at last", "text/plain"};
    return fail(codes::kIo, "the server was ended.");
  };
  start();
  put("in", "good");
  invoke_well(input("s3://b/in", "i"));
  EXPECT_TRUE(eventually([&] { return object("out/i.out") == "at last"; }));
  EXPECT_EQ(asked, 2);
  put("bad", "bad");
  invoke_well(input("s3://b/bad", "j"));
  EXPECT_TRUE(eventually([&] { return !object("failed/j-error.out").empty(); }));
  EXPECT_EQ(object("failed/j-error.out"),
            "The invocation was begun 3 times and never came to an end: the server was ended.");
  EXPECT_EQ(asked, 2 + kAsyncAttemptsMax);
}

TEST_F(AsyncInferenceTest, acts_not_as_a_role_that_was_made_again) {
  target_.role_since = clock_.now();
  start();
  put("in", "x");
  set_instances(0);
  invoke_well(input("s3://b/in", "i"));
  iam_.make_roles_again(clock_.now() + std::chrono::microseconds(1));
  set_instances(1);
  ASSERT_TRUE(
      eventually([&] { return platform::metrics_text(*async_).contains("failed_total 1"); }));
  EXPECT_TRUE(bodies().empty()) << "the input was not read";
  EXPECT_EQ(object("out/i.out"), "");
}

TEST_F(AsyncInferenceTest, expires_what_waited_too_long) {
  target_.instances = 0;
  start();
  put("in", "x");
  AsyncInput request = input("s3://b/in", "i");
  request.request_ttl_seconds = 60;
  invoke_well(request);
  clock_.advance(std::chrono::seconds(59));
  engine_->poll();
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(records(), 1u);
  clock_.advance(std::chrono::seconds(2));
  engine_->poll();
  ASSERT_TRUE(eventually([&] { return !object("failed/i-error.out").empty(); }));
  EXPECT_EQ(object("failed/i-error.out"),
            "The request expired: it was not processed within the 60 seconds that "
            "RequestTTLSeconds gives it.");
  ASSERT_TRUE(eventually([&] { return records() == 0; }));
  EXPECT_EQ(platform::metrics_text(*async_).find("endpoint=\"slow\"} 1"), std::string::npos);
  set_instances(1);
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_TRUE(bodies().empty());
}

TEST_F(AsyncInferenceTest, tells_those_who_wait_for_an_endpoint_that_is_deleted) {
  target_.instances = 0;
  start();
  put("in", "x");
  invoke_well(input("s3://b/in", "1"));
  invoke_well(input("s3://b/in", "2"));
  set_kind(AsyncTarget::Kind::gone);
  ASSERT_TRUE(eventually([&] { return records() == 0; }));
  EXPECT_EQ(object("failed/1-error.out"),
            "The endpoint slow was deleted before the request was processed.");
  EXPECT_FALSE(object("failed/2-error.out").empty());
}

TEST_F(AsyncInferenceTest, bounds_the_memory_that_inputs_take) {
  options_.running_bytes_max = 1'500;
  hold_ = true;
  target_.concurrent_invocations_per_instance = 10;
  start();
  put("in", std::string(1'000, 'x'));
  put("large", std::string(5'000, 'x'));
  invoke_well(input("s3://b/in", "1"));
  invoke_well(input("s3://b/in", "2"));
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_EQ(held(), 1u);
  answer_one();
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  invoke_well(input("s3://b/large", "3"));
  answer_one();
  EXPECT_TRUE(eventually([&] { return held() == 1; }));  // alone it may be larger
}

TEST_F(AsyncInferenceTest, many_invocations_each_have_their_output_once) {
  target_.concurrent_invocations_per_instance = 16;
  start();
  constexpr int kThreads = 4, kEach = 100;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) {
          const std::string id = std::to_string(t * kEach + i);
          AsyncInput request = input("", id);
          request.input_location.reset();
          request.body = Blob{id};
          EXPECT_TRUE(invoke(request));
        }
      });
  }
  ASSERT_TRUE(eventually([&] { return records() == 0; }));
  for (int i = 0; i < kThreads * kEach; ++i)
    EXPECT_EQ(object("out/" + std::to_string(i) + ".out"), "answer to " + std::to_string(i));
  EXPECT_EQ(bodies().size(), std::size_t(kThreads * kEach));
  EXPECT_TRUE(eventually([&] {
    return platform::metrics_text(*async_).find("tidemill_async_completed_total 400\n") !=
           std::string::npos;
  }));
}

}  // namespace
}  // namespace tidemill::services::sagemaker::hosting
