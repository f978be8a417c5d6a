// Every numeric split as one comparison of floats.
#pragma once

#include <cmath>
#include <limits>

#include "infer/trees/ensemble.h"

namespace tidemill::infer::trees {

// A float x that is not NaN goes left exactly when !(x >= float_threshold(node)). A NaN threshold
// sends all of them left.
inline float float_threshold(const Node& node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  constexpr float kLargest = std::numeric_limits<float>::max();
  const double threshold = node.threshold;
  if (std::isnan(threshold)) return -kInfinity;  // no comparison holds: all go right
  if (node.kind == NodeKind::less) {             // the smallest float not below the threshold
    if (threshold > kLargest) return kInfinity;
    if (threshold < -kLargest) return threshold == -kInfinity ? -kInfinity : -kLargest;
    const float nearest = static_cast<float>(threshold);
    return nearest < threshold ? std::nextafter(nearest, kInfinity) : nearest;
  }
  // less_equal: the float after the largest one not above the threshold.
  if (threshold == kInfinity) return std::numeric_limits<float>::quiet_NaN();
  if (threshold >= kLargest) return kInfinity;
  if (threshold < -kLargest)
    return threshold == -kInfinity ? std::nextafter(-kInfinity, 0.0f) : -kLargest;
  const float nearest = static_cast<float>(threshold);
  return nearest > threshold ? nearest : std::nextafter(nearest, kInfinity);
}

// LightGBM's kZeroThreshold: values that Missing::nan_or_zero treats as zero.
inline constexpr float kZeroSizeMax = 1e-35f;

}  // namespace tidemill::infer::trees
