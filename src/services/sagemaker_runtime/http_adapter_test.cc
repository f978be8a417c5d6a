#include "services/sagemaker_runtime/http_adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::services::sagemaker_runtime {
namespace {

using ::testing::HasSubstr;

TEST(HttpAdapter, Headers_that_ask_for_what_is_not_there_are_refused) {
  wire::HttpRequest plain;
  plain.headers.add("X-Amzn-SageMaker-Session-Id", "s");
  EXPECT_TRUE(check_headers(plain));
  for (const auto& [header, member] :
       {std::pair{"X-Amzn-SageMaker-Enable-Explanations", "EnableExplanations"},
        std::pair{"x-amzn-sagemaker-prefix-aware-id", "PrefixAwareId"}}) {
    wire::HttpRequest request;
    request.headers.add(header, "`true`");
    Result<void> checked = check_headers(request);
    ASSERT_FALSE(checked) << member;
    EXPECT_EQ(checked.error().code, "ValidationError");
    EXPECT_THAT(checked.error().message, HasSubstr(member));
  }
}

// Lengths and patterns of botocore's model of the service.
TEST(HttpAdapter, Members_keep_to_the_models_lengths_and_patterns) {
  InvokeRequest good;
  good.endpoint = std::string(63, 'e');
  good.content_type = "text/csv; charset=utf-8";
  good.custom_attributes = std::string(1024, ' ');
  good.target_model = "models/caf\xc3\xa9.tar.gz";
  good.inference_id = std::string(64, '#');
  good.session_id = "NEW_SESSION";
  EXPECT_TRUE(check_members(good));
  const std::tuple<std::string InvokeRequest::*, std::string, const char*> cases[] = {
      {&InvokeRequest::endpoint, std::string(64, 'e'), "'endpointName'"},
      {&InvokeRequest::endpoint, "a_b", "[a-zA-Z0-9](-*[a-zA-Z0-9])*"},
      {&InvokeRequest::target_variant, "a-", "'targetVariant'"},
      {&InvokeRequest::custom_attributes, std::string(1025, 'x'), "less than or equal to 1024"},
      {&InvokeRequest::custom_attributes, "caf\xe9", "\\p{ASCII}*"},
      {&InvokeRequest::inference_id, std::string(65, 'x'), "less than or equal to 64"},
      {&InvokeRequest::inference_id, "a\tb", "'inferenceId'"},
      {&InvokeRequest::session_id, "a/../b", "NEW_SESSION"},
      {&InvokeRequest::session_id, std::string(257, 'x'), "less than or equal to 256"},
      {&InvokeRequest::component, "-", "'inferenceComponentName'"},
      {&InvokeRequest::accept, std::string(1025, 'x'), "'accept'"},
  };
  for (const auto& [member, value, says] : cases) {
    InvokeRequest request = good;
    request.*member = value;
    Result<void> checked = check_members(request);
    ASSERT_FALSE(checked) << value;
    EXPECT_EQ(checked.error().code, "ValidationError");
    EXPECT_EQ(checked.error().http_status, 400);
    EXPECT_THAT(checked.error().message, HasSubstr(says));
    EXPECT_THAT(checked.error().message, ::testing::StartsWith("1 validation error detected: "));
  }
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
