// Shared by all kernels: base margins, averaging, blocks of rows, conversion of the sums.
#pragma once

#include <algorithm>
#include <type_traits>
#include <vector>

#include "infer/trees/kernel.h"

namespace tidemill::infer::trees {

// T: float or double, the type of the ensemble's sums.
template <class T>
class SumKernel : public Kernel {
 public:
  SumKernel(const Ensemble& ensemble, Path path);
  void predict(const float* rows, std::size_t count, std::size_t stride,
               float* margins) const final {
    predict_as(rows, count, stride, margins);
  }
  void predict(const float* rows, std::size_t count, std::size_t stride,
               double* margins) const final {
    predict_as(rows, count, stride, margins);
  }
  std::size_t feature_count() const final { return feature_count_; }
  std::size_t output_count() const final { return start_.size(); }
  Path path() const final { return path_; }

 protected:
  // Adds every tree's leaf to the rows' sums, each sum in the order of the trees.
  virtual void add_leaves(const float* rows, std::size_t count, std::size_t stride,
                          T* sums) const = 0;

 private:
  static constexpr std::size_t kBlockSums = kOutputsMax;  // on the stack: 32 KB of doubles
  template <class Out>
  void predict_as(const float* rows, std::size_t count, std::size_t stride, Out* margins) const;
  void sum(const float* rows, std::size_t count, std::size_t stride, T* sums) const;

  std::size_t feature_count_;
  Path path_;
  std::vector<T> start_;    // initial values of the sums
  std::vector<T> divisor_;  // averages only: the trees of each output
  std::vector<T> last_;     // added at the end, if anything
};

template <class T>
SumKernel<T>::SumKernel(const Ensemble& ensemble, Path path)
    : feature_count_(ensemble.feature_count), path_(path) {
  std::vector<T> base(ensemble.base.begin(), ensemble.base.end());
  if (ensemble.average || ensemble.base_last) {
    start_.assign(base.size(), T(0));
    last_ = std::move(base);
  } else {
    start_ = std::move(base);
  }
  if (!ensemble.average) return;
  divisor_.assign(start_.size(), T(0));
  for (const Tree& tree : ensemble.trees)
    for (std::uint32_t i = 0; i < tree.leaf_width; ++i) divisor_[tree.output + i] += T(1);
  for (T& divisor : divisor_) divisor = std::max(divisor, T(1));
}

template <class T>
void SumKernel<T>::sum(const float* rows, std::size_t count, std::size_t stride, T* sums) const {
  const std::size_t outputs = start_.size();
  for (std::size_t row = 0; row < count; ++row)
    std::copy(start_.begin(), start_.end(), sums + row * outputs);
  add_leaves(rows, count, stride, sums);
  if (last_.empty()) return;
  for (std::size_t row = 0; row < count; ++row, sums += outputs)
    for (std::size_t output = 0; output < outputs; ++output) {
      if (!divisor_.empty()) sums[output] /= divisor_[output];
      sums[output] += last_[output];
    }
}

template <class T>
template <class Out>
void SumKernel<T>::predict_as(const float* rows, std::size_t count, std::size_t stride,
                              Out* margins) const {
  if constexpr (std::is_same_v<T, Out>) {
    sum(rows, count, stride, margins);
  } else {
    T sums[kBlockSums];
    const std::size_t outputs = start_.size();
    const std::size_t block = kBlockSums / outputs;
    for (std::size_t row = 0; row < count; row += block) {
      const std::size_t here = std::min(block, count - row);
      sum(rows + row * stride, here, stride, sums);
      for (std::size_t i = 0; i < here * outputs; ++i)
        margins[row * outputs + i] = static_cast<Out>(sums[i]);
    }
  }
}

}  // namespace tidemill::infer::trees
