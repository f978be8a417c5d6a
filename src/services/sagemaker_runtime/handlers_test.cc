#include "services/sagemaker_runtime/handlers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/sagemaker_runtime/invocation.h"
#include "services/platform/constraints/constraints.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

using ::testing::HasSubstr;
namespace operations = api::sagemaker_runtime::operations;

class InvocationHandlers : public ::testing::Test {
 protected:
  InvocationHandlers() { add_invocations(registry_, inference_); }

  Result<Value> invoke(Context& context, ValueObject input) {
    return run_and_wait(*registry_.find(operations::InvokeEndpoint::operation()), context,
                        Value(std::move(input)));
  }

  RoutingTable routes_;
  SystemClock clock_;
  runtime::EventLoops loops_{1};
  Inference inference_{routes_, loops_, clock_, InferenceLimits{}};
  Registry registry_;
};

TEST_F(InvocationHandlers, Run_on_the_loop_with_a_payload_limit_of_their_own) {
  for (const schema::Operation* operation :
       {&operations::InvokeEndpoint::operation(),
        &operations::InvokeEndpointWithResponseStream::operation()}) {
    const Handler* handler = registry_.find(*operation);
    ASSERT_TRUE(handler);
    EXPECT_FALSE(handler->blocks);
    EXPECT_EQ(handler->payload_bytes_max, InferenceLimits{}.body_bytes_max);
  }
}

TEST(InvocationLimits, Those_of_aws_come_from_the_service_model) {
  EXPECT_EQ(InferenceLimits::aws().body_bytes_max, 6'291'456u);
  EXPECT_EQ(InferenceLimits::aws().model_time, std::chrono::seconds(60));
}

TEST_F(InvocationHandlers, Members_that_ask_for_what_is_not_there_are_refused) {
  Context context;
  ValueObject input;
  input.append("EndpointName", "e");
  input.append("EnableExplanations", "`true`");
  Result<Value> explained = invoke(context, std::move(input));
  ASSERT_FALSE(explained);
  EXPECT_EQ(explained.error().code, "ValidationError");
  EXPECT_THAT(explained.error().message, HasSubstr("EnableExplanations"));

  const std::string id = "p";
  context.find_header = [&id](std::string_view name) {
    return name == "x-amzn-sagemaker-prefix-aware-id" ? &id : nullptr;
  };
  ValueObject plain;
  plain.append("EndpointName", "e");
  Result<Value> prefixed = invoke(context, std::move(plain));
  ASSERT_FALSE(prefixed);
  EXPECT_THAT(prefixed.error().message, HasSubstr("PrefixAwareId"));
}

TEST_F(InvocationHandlers, An_endpoint_that_is_not_there_is_a_validation_error) {
  Context context;
  context.principal.account = "123456789012";
  context.region = "us-east-1";
  context.body = std::make_unique<StringSource>("1,2");
  ValueObject input;
  input.append("EndpointName", "nowhere");
  Result<Value> answer = invoke(context, std::move(input));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ValidationError");
  EXPECT_THAT(answer.error().message, HasSubstr("nowhere"));
}

// The expected lengths and patterns come from botocore's model of the service.
TEST(InvocationConstraints, Members_keep_to_the_models_lengths_and_patterns) {
  const auto check = [](const char* member, std::string value) {
    ValueObject input;
    input.append("EndpointName", std::string(63, 'e'));
    input.append("Body", Blob{});
    input.set(member, std::move(value));
    return check_constraints(operations::InvokeEndpoint::service(),
                             operations::InvokeEndpoint::operation(), Value(std::move(input)));
  };
  EXPECT_TRUE(check("ContentType", "text/csv; charset=utf-8"));
  EXPECT_TRUE(check("CustomAttributes", std::string(1024, ' ')));
  EXPECT_TRUE(check("TargetModel", "models/a b.tar.gz"));
  EXPECT_TRUE(check("InferenceId", std::string(64, '#')));
  EXPECT_TRUE(check("SessionId", "NEW_SESSION"));
  const std::tuple<const char*, std::string, const char*> cases[] = {
      {"EndpointName", std::string(64, 'e'), "'endpointName'"},
      {"EndpointName", "a_b", "[a-zA-Z0-9](-*[a-zA-Z0-9])*"},
      {"TargetVariant", "a-", "'targetVariant'"},
      {"CustomAttributes", std::string(1025, 'x'), "less than or equal to 1024"},
      {"CustomAttributes", "caf\xc3\xa9", "\\p{ASCII}*"},
      {"TargetModel", "models/caf\xc3\xa9.tar.gz", "\\p{Print}"},  // \p{Print} as in Java: ASCII
      {"InferenceId", std::string(65, 'x'), "less than or equal to 64"},
      {"InferenceId", "a\tb", "'inferenceId'"},
      {"SessionId", "a/../b", "NEW_SESSION"},
      {"SessionId", std::string(257, 'x'), "less than or equal to 256"},
      {"InferenceComponentName", "-", "'inferenceComponentName'"},
      {"Accept", std::string(1025, 'x'), "'accept'"},
  };
  for (const auto& [member, value, says] : cases) {
    Result<void> checked = check(member, value);
    ASSERT_FALSE(checked) << member << ' ' << value;
    EXPECT_EQ(checked.error().code, "ValidationError");
    EXPECT_THAT(checked.error().message, HasSubstr(says));
    EXPECT_THAT(checked.error().message, ::testing::StartsWith("1 validation error detected: "));
  }
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
