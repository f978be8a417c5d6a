#include "infer/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::infer {
namespace {

class ManyClasses final : public Model {
 public:
  Result<void> predict_rows(const float*, std::size_t, float*) const override { return {}; }
  std::size_t feature_count() const override { return 1; }
  std::size_t output_columns() const override { return 4096; }
  const std::string& objective() const override { return objective_; }
  std::size_t class_count() const override { return 4096; }
  std::size_t memory_bytes() const override { return 0; }

 private:
  std::string objective_ = "multi:softprob";
};

TEST(Model, An_answer_larger_than_memory_is_refused) {
  const ManyClasses model;
  EXPECT_TRUE(model.predict({2, 1, {1, 2}}));
  Matrix rows{1u << 20, 1, std::vector<float>(1u << 20)};
  const Result<Predictions> refused = model.predict(rows);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().http_status, 400);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("1048576 rows of 4096 numbers"));
}

TEST(Model, The_time_of_a_row_is_measured_without_the_clocks_own) {
  ManyClasses model;
  EXPECT_EQ(model.row_time().count(), 0);
  model.measure_row_time();
  EXPECT_LT(model.row_time(), std::chrono::microseconds(1));  // it does nothing
}

}  // namespace
}  // namespace tidemill::infer
