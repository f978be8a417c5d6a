// Converts nodes of ONNX-ML's tree operators to the kernel's neutral trees.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "infer/trees/ensemble.h"

namespace tidemill::infer::onnx_ml {

enum class Mode : std::uint8_t {
  less_equal,
  less,
  greater_equal,
  greater,
  equal,
  not_equal,
  member
};

// An inner node, or a leaf with a weight for each of some outputs.
struct RawNode {
  bool leaf = false;
  Mode mode = Mode::less_equal;
  std::uint32_t feature = 0;
  double value = 0;
  std::vector<float> members;                   // of Mode::member
  bool missing_true = false;                    // rows that lack the feature
  std::size_t true_child = 0, false_child = 0;  // indices into the list of all nodes
  std::vector<std::pair<std::uint32_t, float>> weights;
};

// The tree below nodes[root]. Each node belongs to one tree and has one parent, else
// Tidemill.Invalid.
class TreePlacer {
 public:
  TreePlacer(const std::vector<RawNode>& nodes, std::size_t outputs);
  Result<trees::Tree> place(std::size_t root);

 private:
  Result<void> place_split(const RawNode& raw, std::size_t at, trees::Tree& tree);
  void choose_outputs(std::size_t root, trees::Tree& tree);
  void place_leaf(const RawNode& raw, std::size_t at, trees::Tree& tree);

  struct Pending {
    std::size_t raw;
    std::vector<std::pair<std::size_t, bool>> parents;  // nodes of the tree, and which side
  };
  const std::vector<RawNode>& nodes_;
  const std::size_t outputs_;
  std::size_t values_ = 0;
  std::vector<bool> seen_;
  std::vector<Pending> pending_;
};

}  // namespace tidemill::infer::onnx_ml
