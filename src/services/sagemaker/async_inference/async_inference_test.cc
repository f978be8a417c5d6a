// Asynchronous inference with S3, endpoints and models that tests decide.
#include "services/sagemaker/async_inference/async_inference.h"

#include <gtest/gtest.h>

#include <thread>

#include "services/sagemaker/async_inference/rules.h"
#include "services/sagemaker_runtime/capture/test_s3.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::sagemaker {
namespace {

using sagemaker_runtime::TestS3;
using std::chrono::milliseconds;
using Input = api::sagemaker_runtime::InvokeEndpointAsyncInput;
using Done = std::move_only_function<void(Result<AsyncAnswer>)>;

// Lends a TestS3 out as many times as asked.
class BorrowedS3 final : public s3::S3Interface {
 public:
  explicit BorrowedS3(s3::S3Interface& s3) : s3_(s3) {}
  bool bucket_exists(std::string_view a, std::string_view b) override {
    return s3_.bucket_exists(a, b);
  }
  Result<void> ensure_bucket(std::string_view a, std::string_view r, std::string_view b) override {
    return s3_.ensure_bucket(a, r, b);
  }
  Result<s3::ObjectInfo> head_object(std::string_view a, std::string_view b,
                                     std::string_view k) override {
    return s3_.head_object(a, b, k);
  }
  Result<s3::ObjectBody> get_object(std::string_view a, std::string_view b,
                                    std::string_view k) override {
    return s3_.get_object(a, b, k);
  }
  Result<s3::ObjectInfo> get_object_to_file(std::string_view a, std::string_view b,
                                            std::string_view k, const std::string& p) override {
    return s3_.get_object_to_file(a, b, k, p);
  }
  Result<s3::ObjectInfo> put_object(std::string_view a, std::string_view b, std::string_view k,
                                    ByteSource& bytes, const s3::PutOptions& options) override {
    return s3_.put_object(a, b, k, bytes, options);
  }
  Result<s3::ObjectInfo> put_object_from_file(std::string_view a, std::string_view b,
                                              std::string_view k, const std::string& p,
                                              const s3::PutOptions& options) override {
    return s3_.put_object_from_file(a, b, k, p, options);
  }
  Result<s3::ObjectPage> list_objects(std::string_view a, std::string_view b, std::string_view p,
                                      std::string_view after, std::size_t limit) override {
    return s3_.list_objects(a, b, p, after, limit);
  }
  Result<void> delete_object(std::string_view a, std::string_view b, std::string_view k) override {
    return s3_.delete_object(a, b, k);
  }

 private:
  s3::S3Interface& s3_;
};

class AsyncInferenceTest : public testing::Test {
 protected:
  AsyncInferenceTest() {
    std::vector<store::TableSpec> tables = engine::engine_tables();
    for (store::TableSpec& each : AsyncInference::tables()) tables.push_back(std::move(each));
    store_ = store::make_memory_store(std::move(tables));
    options_.look_interval = milliseconds(5);
    target_.kind = AsyncTarget::Kind::asynchronous;
    target_.instances = 1;
    target_.concurrent_invocations_per_instance = 2;
    target_.role_arn = "arn:aws:iam::123456789012:role/model";
    target_.output_path = "s3://b/out";
    target_.failure_path = "s3://b/failed/";
    // The model's answer unless a test takes the call itself.
    model_ = [](const AsyncCall& call) -> Result<AsyncAnswer> {
      return AsyncAnswer{"answer to " + call.body, "text/plain"};
    };
  }
  ~AsyncInferenceTest() override { stop(); }

  void start() {
    engine_ = engine::make_engine(*store_, clock_, *random_, {.poll_interval = milliseconds(5)});
    AsyncPorts ports;
    ports.look_up = [this](auto, auto, std::string_view endpoint) -> Result<AsyncTarget> {
      std::lock_guard lock(mutex_);
      if (endpoint != "slow") return AsyncTarget{};
      return target_;
    };
    ports.invoke = [this](AsyncCall call, Done done) { asked(std::move(call), std::move(done)); };
    ports.s3_as = [this](const std::string& role) {
      EXPECT_EQ(role, "arn:aws:iam::123456789012:role/model");
      return std::make_unique<BorrowedS3>(s3_);
    };
    async_ = std::make_unique<AsyncInference>(*store_, *engine_, clock_, *random_, ports, options_);
    async_->add_to(*engine_);
    registry_ = std::make_unique<Registry>();
    async_->add_to(*registry_);
    ASSERT_TRUE(engine_->start());
    ASSERT_TRUE(async_->start());
  }
  void stop() {
    if (async_) async_->stop();
    if (engine_) engine_->stop();
    std::vector<Held> held;
    {
      std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (Held& each : held) each.done(fail(codes::kCancelled, "the server stops"));
    async_.reset();
    engine_.reset();
  }

  struct Held {
    AsyncCall call;
    Done done;
  };
  void asked(AsyncCall call, Done done) {
    std::unique_lock lock(mutex_);
    bodies_.push_back(call.body);
    if (hold_) {
      held_.push_back({std::move(call), std::move(done)});
      return;
    }
    Result<AsyncAnswer> answer = model_(call);
    last_call_ = std::move(call);
    lock.unlock();
    done(std::move(answer));
  }
  std::size_t held() {
    std::lock_guard lock(mutex_);
    return held_.size();
  }
  void answer_one() {
    std::unique_lock lock(mutex_);
    ASSERT_FALSE(held_.empty());
    Held first = std::move(held_.front());
    held_.erase(held_.begin());
    lock.unlock();
    first.done(AsyncAnswer{"late answer to " + first.call.body, "text/csv"});
  }
  std::vector<std::string> bodies() {
    std::lock_guard lock(mutex_);
    return bodies_;
  }

  void put(const std::string& key, const std::string& body, const std::string& type = "text/csv") {
    StringSource bytes(body);
    ASSERT_TRUE(s3_.put_object("123456789012", "b", key, bytes, {.content_type = type}));
  }
  Input input(const std::string& location, const std::string& id = "") {
    Input out;
    out.endpoint_name = "slow";
    out.input_location = location;
    if (!id.empty()) out.inference_id = id;
    return out;
  }
  Result<api::sagemaker_runtime::InvokeEndpointAsyncOutput> invoke(const Input& request) {
    Context context;
    context.region = "eu-west-1";
    context.principal.account = "123456789012";
    const Handler* handler =
        registry_->find(api::sagemaker_runtime::operations::InvokeEndpointAsync::operation());
    Value answer = TRY((*handler)(context, to_value(request)));
    api::sagemaker_runtime::InvokeEndpointAsyncOutput out;
    TRY(from_value(answer, out));
    return out;
  }
  void invoke_well(const Input& request) {
    auto answered = invoke(request);
    ASSERT_TRUE(answered) << answered.error().message;
  }
  std::string object(const std::string& key) {
    auto all = s3_.objects();
    auto found = all.find("b/" + key);
    return found == all.end() ? "" : found->second;
  }
  std::size_t records() {
    return store_->scan({.table = async_invocations().name(), .limit = 1000})->rows.size();
  }
  AsyncInvocation only_record() {
    auto page = store_->scan({.table = async_invocations().name(), .limit = 10});
    EXPECT_EQ(page->rows.size(), 1u);
    return *from_json<AsyncInvocation>(page->rows.at(0).value);
  }
  static bool eventually(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < until) {
      if (holds()) return true;
      std::this_thread::sleep_for(milliseconds(2));
    }
    return false;
  }
  void set_instances(int count) {
    std::lock_guard lock(mutex_);
    target_.instances = count;
  }
  void set_kind(AsyncTarget::Kind kind) {
    std::lock_guard lock(mutex_);
    target_.kind = kind;
  }
  void set_hold(bool hold) {
    std::lock_guard lock(mutex_);
    hold_ = hold;
  }

  std::mutex mutex_;
  AsyncTarget target_;                                               // guarded by mutex_
  std::function<Result<AsyncAnswer>(const AsyncCall& call)> model_;  // guarded by mutex_
  bool hold_ = false;                                                // guarded by mutex_
  std::vector<Held> held_;                                           // guarded by mutex_
  std::vector<std::string> bodies_;                                  // guarded by mutex_
  AsyncCall last_call_;                                              // guarded by mutex_

  TestS3 s3_{{"b"}};
  ManualClock clock_{*parse_iso8601("2026-01-02T03:04:05Z")};
  std::unique_ptr<Random> random_ = make_seeded_random(11);
  std::unique_ptr<store::Store> store_;
  AsyncOptions options_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<AsyncInference> async_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(AsyncInferenceTest, writes_the_answer_where_it_said) {
  start();
  put("in/1.csv", "1,2,3");
  Input request = input("s3://b/in/1.csv", "order-7");
  request.accept = "text/plain";
  request.custom_attributes = "trace=1";
  request.invocation_timeout_seconds = 77;
  auto answered = invoke(request);
  ASSERT_TRUE(answered) << answered.error().message;
  EXPECT_EQ(answered->inference_id, "order-7");
  EXPECT_EQ(answered->output_location, "s3://b/out/order-7.out");
  EXPECT_EQ(answered->failure_location, "s3://b/failed/order-7-error.out");
  ASSERT_TRUE(eventually([&] { return object("out/order-7.out") == "answer to 1,2,3"; }));
  EXPECT_EQ(s3_.content_types().at("b/out/order-7.out"), "text/plain");
  EXPECT_TRUE(eventually([&] { return records() == 0; }));
  EXPECT_EQ(object("failed/order-7-error.out"), "");
  std::lock_guard lock(mutex_);
  EXPECT_EQ(last_call_.account, "123456789012");
  EXPECT_EQ(last_call_.region, "eu-west-1");
  EXPECT_EQ(last_call_.endpoint, "slow");
  EXPECT_EQ(last_call_.content_type, "text/csv");  // the object's, for want of the request's
  EXPECT_EQ(last_call_.accept, "text/plain");
  EXPECT_EQ(last_call_.custom_attributes, "trace=1");
  EXPECT_EQ(last_call_.inference_id, "order-7");
  EXPECT_EQ(last_call_.timeout_seconds, 77);
}

TEST_F(AsyncInferenceTest, takes_a_body_with_the_request) {
  start();
  Input request = input("", "inline");
  request.input_location.reset();
  request.body = Blob{"4,5"};
  request.content_type = "text/csv";
  invoke_well(request);
  EXPECT_TRUE(eventually([&] { return object("out/inline.out") == "answer to 4,5"; }));
}

TEST_F(AsyncInferenceTest, makes_an_inference_id) {
  start();
  put("in", "x");
  auto answered = invoke(input("s3://b/in"));
  ASSERT_TRUE(answered);
  ASSERT_EQ(answered->inference_id->size(), 36u);
  EXPECT_EQ(answered->output_location, "s3://b/out/" + *answered->inference_id + ".out");
  EXPECT_TRUE(
      eventually([&] { return !object("out/" + *answered->inference_id + ".out").empty(); }));
}

TEST_F(AsyncInferenceTest, writes_the_models_error_to_the_failure_path) {
  model_ = [](const AsyncCall&) -> Result<AsyncAnswer> {
    return fail("ModelError", "Received server error (500) from primary", 424);
  };
  start();
  put("in", "x");
  invoke_well(input("s3://b/in", "bad"));
  EXPECT_TRUE(eventually([&] {
    return object("failed/bad-error.out") == "Received server error (500) from primary";
  }));
  EXPECT_TRUE(eventually([&] { return records() == 0; }));
  EXPECT_EQ(object("out/bad.out"), "");
  EXPECT_EQ(bodies().size(), 1u);  // it is not asked again
  EXPECT_NE(async_->metrics_text().find("tidemill_async_failed_total 1\n"), std::string::npos);
}

TEST_F(AsyncInferenceTest, without_a_failure_path_a_failure_only_ends) {
  target_.failure_path = "";
  start();
  put("in", "x");
  auto answered = invoke(input("s3://b/not-there", "bad"));
  ASSERT_TRUE(answered);
  EXPECT_FALSE(answered->failure_location);
  EXPECT_TRUE(eventually([&] { return records() == 0; }));
  EXPECT_EQ(s3_.objects().size(), 1u);
}

TEST_F(AsyncInferenceTest, names_an_input_that_is_not_there) {
  start();
  invoke_well(input("s3://b/in/none", "i"));
  EXPECT_TRUE(eventually([&] { return !object("failed/i-error.out").empty(); }));
  EXPECT_EQ(object("failed/i-error.out"),
            "The input s3://b/in/none cannot be read: The specified key does not exist.");
  EXPECT_TRUE(bodies().empty());
}

TEST_F(AsyncInferenceTest, says_when_the_output_cannot_be_written) {
  target_.output_path = "s3://missing/out";
  start();
  put("in", "x");
  invoke_well(input("s3://b/in", "i"));
  EXPECT_TRUE(eventually([&] { return !object("failed/i-error.out").empty(); }));
  EXPECT_EQ(object("failed/i-error.out"),
            "The output s3://missing/out/i.out cannot be written: The specified bucket does not "
            "exist");
}

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
  EXPECT_NE(async_->metrics_text().find("tidemill_async_waiting{account=\"123456789012\",region="
                                        "\"eu-west-1\",endpoint=\"slow\"} 3\n"),
            std::string::npos);
  EXPECT_NE(async_->metrics_text().find("tidemill_async_running{account=\"123456789012\",region="
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
    Input request = input("");
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

TEST_F(AsyncInferenceTest, expires_what_waited_too_long) {
  target_.instances = 0;
  start();
  put("in", "x");
  Input request = input("s3://b/in", "i");
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
  EXPECT_EQ(async_->metrics_text().find("endpoint=\"slow\"} 1"), std::string::npos);
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

TEST_F(AsyncInferenceTest, goes_on_after_a_restart) {
  target_.instances = 0;
  start();
  put("in", "x");
  for (int i = 0; i < 10; ++i) invoke_well(input("s3://b/in", "i" + std::to_string(i)));
  stop();
  EXPECT_EQ(records(), 10u);
  set_instances(1);
  start();
  EXPECT_TRUE(eventually([&] { return records() == 0; }));
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(object("out/i" + std::to_string(i) + ".out"), "answer to x");
  EXPECT_EQ(bodies().size(), 10u);
}

TEST_F(AsyncInferenceTest, a_stop_gives_back_what_is_under_way) {
  hold_ = true;
  start();
  put("in", "x");
  invoke_well(input("s3://b/in", "i"));
  ASSERT_TRUE(eventually([&] { return held() == 1; }));
  EXPECT_EQ(only_record().phase, AsyncPhase::running);
  stop();
  EXPECT_EQ(only_record().phase, AsyncPhase::queued);
  EXPECT_EQ(only_record().attempts, 0);
  set_hold(false);
  start();
  EXPECT_TRUE(eventually([&] { return object("out/i.out") == "answer to x"; }));
}

// What kill -9 leaves: a record that says it is running, and nobody who runs it.
TEST_F(AsyncInferenceTest, runs_again_what_a_killed_server_ran_but_not_for_ever) {
  put("in", "x");
  for (std::int64_t attempts : {1, 2, 3}) {
    AsyncInvocation left;
    left.account = "123456789012";
    left.region = "eu-west-1";
    left.endpoint = "slow";
    left.role_arn = "arn:aws:iam::123456789012:role/model";
    left.id = "0000000000000000000" + std::to_string(attempts);
    left.input_location = "s3://b/in";
    left.output_location = "s3://b/out/" + std::to_string(attempts);
    left.failure_location = "s3://b/failed/" + std::to_string(attempts);
    left.received = clock_.now();
    left.expires = clock_.now() + std::chrono::hours(1);
    left.phase = AsyncPhase::running;
    left.attempts = attempts;
    store::Transaction transaction;
    async_invocations().put(transaction, async_invocation_key(left), left, 0);
    ASSERT_TRUE(store_->commit(std::move(transaction)));
  }
  start();
  ASSERT_TRUE(eventually([&] { return records() == 0; }));
  EXPECT_EQ(object("out/1"), "answer to x");
  EXPECT_EQ(object("out/2"), "answer to x");
  EXPECT_EQ(object("out/3"), "");
  EXPECT_EQ(object("failed/3"),
            "The invocation was begun 3 times and never came to an end: the server ended.");
  EXPECT_EQ(bodies().size(), 2u);
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

TEST_F(AsyncInferenceTest, refuses_an_input_beyond_the_limit) {
  options_.input_bytes_max = 10;
  start();
  put("in", "12345678901");
  invoke_well(input("s3://b/in", "i"));
  EXPECT_TRUE(eventually([&] { return !object("failed/i-error.out").empty(); }));
  EXPECT_EQ(object("failed/i-error.out"),
            "The input s3://b/in has 11 bytes; at most 10 are possible.");
}

TEST_F(AsyncInferenceTest, refuses_what_the_queue_cannot_take) {
  target_.instances = 0;
  options_.queued_per_endpoint_max = 2;
  start();
  invoke_well(input("s3://b/in", "1"));
  invoke_well(input("s3://b/in", "2"));
  auto refused = invoke(input("s3://b/in", "3"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "ServiceUnavailable");
  EXPECT_EQ(refused.error().http_status, 503);
  EXPECT_EQ(records(), 2u);
}

TEST_F(AsyncInferenceTest, refuses_endpoints_that_are_not_there_or_not_asynchronous) {
  start();
  Input request = input("s3://b/in");
  request.endpoint_name = "other";
  auto refused = invoke(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "ValidationError");
  EXPECT_EQ(refused.error().message, "Endpoint other of account 123456789012 not found.");
  set_kind(AsyncTarget::Kind::not_asynchronous);
  refused = invoke(input("s3://b/in"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "ValidationError");
  EXPECT_EQ(records(), 0u);
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
          Input request = input("", id);
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
    return async_->metrics_text().find("tidemill_async_completed_total 400\n") != std::string::npos;
  }));
}

}  // namespace
}  // namespace tidemill::services::sagemaker
