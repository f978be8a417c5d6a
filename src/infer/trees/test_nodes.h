// For tests that build trees by hand.
#pragma once

#include "infer/trees/ensemble.h"

namespace tidemill::infer::trees {

inline Node split(NodeKind kind, std::uint32_t feature, double threshold, std::int32_t left,
                  std::int32_t right, bool missing_left = false, Missing missing = Missing::nan) {
  Node node;
  node.kind = kind;
  node.feature = feature;
  node.threshold = threshold;
  node.left = left;
  node.right = right;
  node.missing_left = missing_left;
  node.missing = missing;
  return node;
}

inline Node leaf(std::uint32_t index) {
  Node node;
  node.leaf = index;
  return node;
}

}  // namespace tidemill::infer::trees
