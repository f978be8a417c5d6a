#include "infer/trees/scalar.h"

#include <algorithm>

#include "infer/trees/flat.h"
#include "infer/trees/sum_kernel.h"

namespace tidemill::infer::trees {
namespace {

// Rows that share a group of trees while it is in cache.
constexpr std::size_t kBlockRows = 64;
constexpr std::size_t kGroupTrees = 32;

template <class T>
class ScalarKernel final : public SumKernel<T> {
 public:
  explicit ScalarKernel(const Ensemble& ensemble) : SumKernel<T>(ensemble, Path::scalar) {
    for (const Tree& tree : ensemble.trees) forest_.add(tree);
  }
  std::size_t memory_bytes() const override { return sizeof *this + forest_.memory_bytes(); }

 protected:
  void add_leaves(const float* rows, std::size_t count, std::size_t stride,
                  T* sums) const override {
    const std::size_t outputs = this->output_count();
    const std::size_t trees = forest_.trees.size();
    for (std::size_t block = 0; block < count; block += kBlockRows) {
      const std::size_t block_end = std::min(count, block + kBlockRows);
      for (std::size_t first = 0; first < trees; first += kGroupTrees)
        for (std::size_t row = block; row < block_end; ++row)
          forest_.add_trees(first, std::min(trees, first + kGroupTrees), rows + row * stride,
                            sums + row * outputs);
    }
  }

 private:
  FlatForest<T> forest_;
};

}  // namespace

template <class T>
std::unique_ptr<const Kernel> make_scalar_kernel(const Ensemble& ensemble) {
  return std::make_unique<ScalarKernel<T>>(ensemble);
}

template std::unique_ptr<const Kernel> make_scalar_kernel<float>(const Ensemble&);
template std::unique_ptr<const Kernel> make_scalar_kernel<double>(const Ensemble&);

}  // namespace tidemill::infer::trees
