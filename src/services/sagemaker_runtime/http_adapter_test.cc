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

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
