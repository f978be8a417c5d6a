// Scores of ONNX-ML's tree operators; also used alone for models that are only trees.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.h"
#include "infer/onnx_ml/graph.h"
#include "infer/onnx_ml/operators.h"
#include "infer/trees/kernel.h"

namespace tidemill::infer::onnx_ml {

class TreeScores {
 public:
  // node: TreeEnsembleClassifier, TreeEnsembleRegressor or TreeEnsemble.
  static Result<std::shared_ptr<const TreeScores>> make(const Node& node);

  // Scores per row; a classifier with one score for two classes has two.
  std::size_t columns() const;
  // The least number of features that the trees use.
  std::size_t features() const;
  std::size_t memory_bytes() const;
  // Row i begins at rows + i * stride; out: count * columns().
  void predict(const float* rows, std::size_t count, std::size_t stride, float* out) const;
  // The label of each row's largest score.
  Result<void> labels(const Tensor& scores, Tensor& out) const;

 private:
  struct Binary {
    bool all_positive = false;
  };

  std::unique_ptr<const trees::Kernel> kernel_;
  PostTransform transform_ = PostTransform::none;
  std::optional<Binary> binary_;
  std::vector<std::int64_t> labels_;
};

}  // namespace tidemill::infer::onnx_ml
