#include "infer/trees/forest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"

namespace tidemill::infer {
namespace {

using ::testing::HasSubstr;

// One tree: x0 < 2 ? 1 : (x1 < 5 ? 10 : 20); missing x0 goes right, missing x1 left.
std::string model(const std::string& tree_changes = "",
                  const std::string& objective = "reg:squarederror",
                  const std::string& booster = "gbtree") {
  std::string tree = tree_changes.empty()
                         ? R"("left_children":[1,-1,3,-1,-1],"right_children":[2,-1,4,-1,-1],
                              "split_indices":[0,0,1,0,0],"split_conditions":[2,1,5,10,20],
                              "default_left":[0,0,1,0,0],"split_type":[0,0,0,0,0])"
                         : tree_changes;
  return R"({"learner":{"learner_model_param":{"base_score":"5E-1","num_class":"0","num_feature":"2"},
      "objective":{"name":")" +
         objective + R"("},
      "gradient_booster":{"name":")" +
         booster + R"(","model":{"gbtree_model_param":
      {"num_parallel_tree":"1"},"tree_info":[0],"trees":[{)" +
         tree + "}]}}}}";
}

Result<Forest> read(const std::string& json) { return Forest::read(*parse_json(json), 0); }

TEST(Forest, Walks_its_trees) {
  auto forest = read(model());
  ASSERT_TRUE(forest) << forest.error().message;
  auto predict = [&](float x0, float x1) {
    const float row[] = {x0, x1};
    float out = 0;
    forest->predict(row, &out);
    return out;
  };
  EXPECT_EQ(predict(1, 0), 1.5f);
  EXPECT_EQ(predict(2, 0), 10.5f);  // not below the threshold: right
  EXPECT_EQ(predict(3, 5), 20.5f);
  EXPECT_EQ(predict(NAN, 7), 20.5f);
  EXPECT_EQ(predict(9, NAN), 10.5f);
}

TEST(Forest, Refuses_what_it_cannot_do) {
  EXPECT_THAT(read(model("", "custom:thing")).error().message, HasSubstr("custom:thing"));
  EXPECT_THAT(read(model("", "reg:squarederror", "gblinear")).error().message,
              HasSubstr("gblinear"));
  EXPECT_THAT(
      read(model(R"("left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_indices":[0,0,0],
      "split_conditions":[2,1,5],"default_left":[0,0,0],"split_type":[1,0,0])"))
          .error()
          .message,
      HasSubstr("categorical"));
}

TEST(Forest, Refuses_trees_that_would_read_outside_or_never_end) {
  for (const char* children : {R"("left_children":[0,-1,-1],"right_children":[2,-1,-1])",
                               R"("left_children":[1,-1,-1],"right_children":[9,-1,-1])",
                               R"("left_children":[1,-1],"right_children":[2,-1,-1])",
                               R"("left_children":[],"right_children":[])"})
    EXPECT_FALSE(read(model(std::string(children) + R"(,"split_indices":[0,0,0],
        "split_conditions":[2,1,5],"default_left":[0,0,0])")));
  EXPECT_FALSE(read(model(R"("left_children":[1,-1,-1],"right_children":[2,-1,-1],
      "split_indices":[7,0,0],"split_conditions":[2,1,5],"default_left":[0,0,0])")));
  EXPECT_FALSE(read("{}"));
}

}  // namespace
}  // namespace tidemill::infer
