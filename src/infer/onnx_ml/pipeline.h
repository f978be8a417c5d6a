// A graph prepared for prediction: only the nodes that the answer needs, in order.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "infer/onnx_ml/graph.h"
#include "infer/onnx_ml/operators.h"
#include "infer/onnx_ml/tree_operators.h"

namespace tidemill::infer::onnx_ml {

class Pipeline {
 public:
  // Tidemill.Invalid names the operator, input or output that is not supported here.
  static Result<Pipeline> make(const Graph& graph);

  // Numbers per row: all inputs side by side, in the graph's order.
  std::size_t feature_count() const { return feature_count_; }
  // One of the graph's outputs is labels: the model is a classifier.
  bool has_labels() const { return has_labels_; }
  std::size_t memory_bytes() const;
  // Thread-safe. The answer: count rows of real numbers.
  Result<Tensor> run(const float* rows, std::size_t count) const;
  // Set when the graph consists only of trees that use the rows directly.
  const TreeScores* only_trees() const { return only_trees_.get(); }

 private:
  struct Input {
    std::size_t place = 0, first_column = 0, columns = 0;
    Type type = Type::real32;
    bool is_vector = false;  // of shape [rows]
  };
  struct Step {
    std::string name;  // of the operator
    Operator run;
    std::vector<std::optional<std::size_t>> inputs, outputs;  // places
  };

  Result<void> choose_output(const Graph& graph);
  Result<void> read_inputs(const Graph& graph);
  Result<void> make_steps(const Graph& graph);
  std::optional<std::size_t> place_of(const std::string& name);
  Result<void> fill_input(const Input& input, const float* rows, std::size_t count,
                          Tensor& out) const;

  std::vector<Input> inputs_;
  std::vector<Step> steps_;
  std::map<std::string, std::size_t> places_;
  std::map<std::size_t, Tensor> constants_;  // by place
  std::string output_;
  std::size_t feature_count_ = 0;
  bool has_labels_ = false;
  std::shared_ptr<const TreeScores> only_trees_;
};

}  // namespace tidemill::infer::onnx_ml
