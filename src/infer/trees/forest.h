// A tree ensemble as plain arrays: a prediction is a walk down each tree, without a library call.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/value.h"

namespace tidemill::infer {

class Forest {
 public:
  // From the JSON of an XGBoost 1.7 model. `rounds`: how many count, 0 for all. Tidemill.Invalid
  // names what it cannot do: linear boosters, categorical splits, objectives it does not know.
  static Result<Forest> read(const Value& model, std::size_t rounds);

  std::size_t feature_count() const { return feature_count_; }
  // Numbers a row.
  std::size_t columns() const { return columns_; }
  // row: feature_count() values, NaN missing; out: columns() numbers.
  void predict(const float* row, float* out) const;
  // Rows that go both ways at many splits, for comparing with another implementation. Row-major.
  std::vector<float> probe_rows(std::size_t count) const;

 private:
  enum class Transform { identity, sigmoid, exponential, step, softmax, arg_max };
  struct Node {
    float value;            // the threshold; a leaf's weight
    std::uint32_t feature;  // the top bit: missing values go left
    std::int32_t left;      // -1: a leaf
    std::int32_t right;
  };
  static constexpr std::uint32_t kMissingLeft = 1u << 31;

  Result<void> read_objective(const Value& learner);
  Result<void> read_booster(const Value& booster, std::size_t rounds);
  Result<void> read_tree(const Value& tree);
  const Node& find_leaf(std::size_t root, const float* row) const;
  void transform(float* margins, float* out) const;

  std::size_t feature_count_ = 0;
  std::size_t groups_ = 1;  // margins a row
  std::size_t columns_ = 1;
  float base_margin_ = 0;
  Transform transform_ = Transform::identity;
  std::vector<Node> nodes_;  // of all trees; children are indices into it
  std::vector<std::size_t> roots_;
  std::vector<std::uint32_t> group_of_tree_;
  std::vector<float> weight_of_tree_;  // DART; empty: all 1
};

}  // namespace tidemill::infer
