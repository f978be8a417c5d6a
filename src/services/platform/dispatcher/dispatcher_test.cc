#include "services/platform/dispatcher/dispatcher.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "api/all_services.h"
#include "base/json.h"

namespace tidemill::services::platform {
namespace {

class Doorkeeper final : public Authorizer {
 public:
  Result<void> authorize_operation(const Context& context, const schema::Service&,
                                   const schema::Operation& operation, const Value&) override {
    asked = context.principal.arn + " " + std::string(operation.name);
    if (context.principal.arn == "nobody") return fail("AccessDenied", "not you", 403);
    return {};
  }
  std::string asked;
};

class DispatcherTest : public ::testing::Test {
 protected:
  static const schema::Service& service(std::string_view name) {
    for (const schema::Service* each : api::all_services())
      if (each->name == name) return *each;
    std::abort();
  }
  static const schema::Operation& operation(std::string_view of, std::string_view name) {
    return *schema::find_operation(service(of), name);
  }
  void add(std::string_view of, std::string_view name, Handler handler) {
    registry_.add_erased(service(of), operation(of, name), std::move(handler));
  }
  static Value bucket(const char* name) {
    ValueObject input;
    input.append("Bucket", name);
    return input;
  }
  Result<Reply> call(std::string_view of, std::string_view name, Value input,
                     const char* caller = "me") {
    Principal principal;
    principal.arn = caller;
    principal.account = "123456789012";
    return dispatcher_.call({principal, "eu-west-1"}, of, name, std::move(input));
  }

  Registry registry_;
  Doorkeeper doorkeeper_;
  runtime::EventLoops loops_{1};
  ManualClock clock_{Timestamp{1'795'447'062'500'000}};
  std::unique_ptr<Random> random_ = make_seeded_random(3);
  int observed_ = 0, failed_ = 0;
  Dispatcher dispatcher_{{registry_, doorkeeper_, api::all_services(), loops_, clock_, *random_,
                          [this](const Call&, const Error* error, std::chrono::nanoseconds) {
                            ++observed_;
                            failed_ += error != nullptr;
                          }}};
};

TEST_F(DispatcherTest, Calls_from_inside_pass_constraints_and_permission_and_are_counted) {
  add("s3", "HeadBucket", {[](Context& context, const Value& input, Responder respond) {
        ValueObject out;
        out.append("BucketRegion", context.region + " " + *input.find("Bucket")->as_string() +
                                       " for " + context.principal.arn);
        EXPECT_FALSE(context.request_id.empty());
        EXPECT_TRUE(context.remote_address.empty());
        respond(Value(std::move(out)));
      }});
  Result<Reply> reply = call("s3", "HeadBucket", bucket("b"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(*reply->output.find("BucketRegion")->as_string(), "eu-west-1 b for me");
  EXPECT_EQ(doorkeeper_.asked, "me HeadBucket");

  EXPECT_EQ(call("s3", "HeadBucket", bucket("b"), "nobody").error().code, "AccessDenied");
  EXPECT_EQ(call("s3", "HeadBucket", ValueObject()).error().code, "InvalidArgument");
  EXPECT_EQ(call("s3", "GetObject", bucket("b")).error().code, "NotImplemented");
  EXPECT_EQ(call("s3", "NoSuchThing", bucket("b")).error().code, codes::kInvalid);
  EXPECT_EQ(observed_, 4);
  EXPECT_EQ(failed_, 3);
}

TEST_F(DispatcherTest, A_handler_may_answer_later_from_another_thread) {
  std::jthread later;
  add("s3", "HeadBucket", {[&later](Context& context, const Value&, Responder respond) {
        later = std::jthread([&context, respond = std::move(respond)]() mutable {
          std::this_thread::yield();
          context.response_headers["x-late"] = "yes";  // the context lives until then
          respond(Value(ValueObject()));
        });
      }});
  Result<Reply> reply = call("s3", "HeadBucket", bucket("b"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->headers.at("x-late"), "yes");
}

TEST_F(DispatcherTest, Handlers_that_throw_or_forget_to_answer_are_internal_failures) {
  add("s3", "HeadBucket", {[](Context&, const Value&, Responder) { throw std::bad_alloc(); }});
  add("s3", "GetBucketLocation", {[](Context&, const Value&, Responder) {}});
  for (const char* name : {"HeadBucket", "GetBucketLocation"}) {
    Result<Reply> reply = call("s3", name, bucket("b"));
    ASSERT_FALSE(reply) << name;
    EXPECT_EQ(reply.error().code, "InternalFailure");
    EXPECT_EQ(reply.error().http_status, 500);
  }
}

TEST_F(DispatcherTest, Handlers_that_do_not_block_run_on_a_loop) {
  Handler handler;
  handler.blocks = false;
  handler.run = [](Context&, const Value&, Responder respond) {
    EXPECT_TRUE(runtime::EventLoop::current());
    respond(Value(ValueObject()));
  };
  add("s3", "HeadBucket", std::move(handler));
  EXPECT_TRUE(call("s3", "HeadBucket", bucket("b")));
}

TEST_F(DispatcherTest, Bodies_go_in_and_come_out_as_streams) {
  add("s3", "PutObject", {[](Context& context, const Value&, Responder respond) {
        context.response_body =
            std::make_unique<StringSource>("got " + read_all(*context.body, 100).value());
        respond(Value(ValueObject()));
      }});
  ValueObject input;
  input.append("Bucket", "b");
  input.append("Key", "k");
  Result<Reply> reply =
      dispatcher_.call({Principal{}, "us-east-1"}, "s3", "PutObject", Value(std::move(input)),
                       std::make_unique<StringSource>("bytes"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(read_all(*reply->body, 100).value(), "got bytes");
}

}  // namespace
}  // namespace tidemill::services::platform
