// features_info of a CatBoost JSON model: each split's column and its missing values.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "base/value.h"
#include "infer/trees/ensemble.h"

namespace tidemill::infer::catboost {

class Features {
 public:
  // Tidemill.Invalid when the list of features is inconsistent.
  static Result<Features> read(const Value& model);

  std::size_t count() const { return count_; }
  // The inner node without children. Tidemill.Invalid for unsupported splits.
  struct Split {
    trees::Node node;
    bool true_left = false;  // the side for rows that meet the split's condition
  };
  // One-hot splits add a category set to the tree.
  Result<Split> split(const Value& split, trees::Tree& tree) const;

 private:
  struct Column {
    std::size_t index = 0;
    bool missing_left = true;
  };
  Result<Split> one_hot(const Value& split, trees::Tree& tree) const;

  std::size_t count_ = 0;
  std::vector<Column> floats_;
  std::vector<Column> categories_;
  // Categories are known by their text's hash; rows can only give those that are whole numbers.
  std::unordered_map<std::uint32_t, std::vector<std::uint32_t>> numbers_of_hash_;
};

}  // namespace tidemill::infer::catboost
