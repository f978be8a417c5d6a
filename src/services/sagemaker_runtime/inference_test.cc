#include "services/sagemaker_runtime/inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>

namespace tidemill::services::sagemaker_runtime {
namespace {

using ::testing::HasSubstr;

// The score is the sum of the row.
class SumModel final : public infer::Model {
 public:
  Result<void> predict_rows(const float* rows, std::size_t count, float* out) const override {
    for (std::size_t row = 0; row < count; ++row) out[row] = rows[row * 2] + rows[row * 2 + 1];
    return {};
  }
  std::size_t feature_count() const override { return 2; }
  std::size_t output_columns() const override { return 1; }
  std::size_t memory_bytes() const override { return 0; }
  const std::string& objective() const override { return objective_; }
  std::size_t class_count() const override { return 0; }

 private:
  std::string objective_ = "reg:squarederror";
};

class InferenceTest : public ::testing::Test {
 protected:
  void put(std::vector<VariantRoute> variants) {
    routes_.put({"111122223333", "us-east-1", "churn", std::move(variants)});
  }
  static VariantRoute native(std::string name, double weight) {
    return {std::move(name), weight, std::make_shared<SumModel>(), {}, {}};
  }
  static VariantRoute process(std::uint16_t port) {
    return {"AllTraffic", 1, nullptr, {}, {{port, "AllTraffic/i-0"}}};
  }
  InvokeResult invoke(std::string body, std::string variant = "", std::string endpoint = "churn") {
    InvokeRequest request;
    request.account = "111122223333";
    request.region = "us-east-1";
    request.endpoint = std::move(endpoint);
    request.content_type = "text/csv";
    request.target_variant = std::move(variant);
    request.body = std::move(body);
    std::promise<InvokeResult> promise;
    inference_.invoke(std::move(request),
                      [&promise](InvokeResult result) { promise.set_value(std::move(result)); });
    return promise.get_future().get();
  }

  RoutingTable routes_;
  runtime::EventLoops loops_{1};
  Inference inference_{routes_, loops_};
};

TEST_F(InferenceTest, Native_models_answer) {
  put({native("AllTraffic", 1)});
  auto answer = invoke("1,2\n3,4");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "3.0,7.0");
  EXPECT_EQ(answer->invoked_variant, "AllTraffic");
}

TEST_F(InferenceTest, Large_bodies_answer_too) {
  put({native("AllTraffic", 1)});
  std::string body;
  while (body.size() <= kInlineBodyBytesMax) body += "1,2\n";
  auto answer = invoke(body);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(answer->body, ::testing::StartsWith("3.0,3.0,"));
  EXPECT_EQ(invoke(std::string(kBodyBytesMax + 1, '1')).error().code, "ValidationError");
}

TEST_F(InferenceTest, Unknown_endpoint_and_variant) {
  put({native("AllTraffic", 1)});
  EXPECT_EQ(invoke("1,2", "", "other").error().message,
            "Endpoint other of account 111122223333 not found.");
  EXPECT_THAT(invoke("1,2", "blue").error().message, HasSubstr("Variant blue not found"));
  routes_.remove("111122223333", "us-east-1", "churn");
  EXPECT_EQ(invoke("1,2").error().code, "ValidationError");
}

TEST_F(InferenceTest, Model_errors_carry_what_the_model_said) {
  put({native("AllTraffic", 1)});
  auto answer = invoke("1,abc");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ModelError");
  EXPECT_EQ(answer.error().http_status, 424);
  EXPECT_EQ(answer.error().details["OriginalStatusCode"], "415");
  EXPECT_THAT(answer.error().details["OriginalMessage"], HasSubstr("row 1, column 2: 'abc'"));
  EXPECT_THAT(answer.error().message, HasSubstr("Received client error (415) from primary"));
}

TEST_F(InferenceTest, Variants_share_by_weight) {
  put({native("a", 3), native("b", 1), native("c", 0)});
  std::map<std::string, int> counts;
  for (int i = 0; i < 4000; ++i) ++counts[invoke("1,2")->invoked_variant];
  EXPECT_NEAR(counts["a"], 3000, 30);
  EXPECT_NEAR(counts["b"], 1000, 30);
  EXPECT_EQ(counts["c"], 0);
  EXPECT_EQ(invoke("1,2", "c")->invoked_variant, "c");
  put({native("a", 0), native("b", 0)});
  EXPECT_EQ(invoke("1,2").error().code, "ServiceUnavailable");
}

TEST_F(InferenceTest, A_process_that_is_not_there_is_unavailable) {
  put({process(1)});  // nothing listens on port 1
  auto answer = invoke("1,2");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, "ServiceUnavailable");
  EXPECT_EQ(answer.error().http_status, 503);
  EXPECT_FALSE(inference_.ping(1));
}

}  // namespace
}  // namespace tidemill::services::sagemaker_runtime
