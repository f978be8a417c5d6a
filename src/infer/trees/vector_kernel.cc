#include "infer/trees/vector_kernel.h"

#include <algorithm>
#include <cstring>

#include "infer/trees/sum_kernel.h"

namespace tidemill::infer::trees {
namespace {

// Rows that share a chunk of trees while it is in cache, by the bytes of their prepared form.
constexpr std::size_t kPreparedBytes = 16 * 1024;
static_assert(2 * kSlotsMax <= kPreparedBytes);

template <class T>
class VectorKernel final : public SumKernel<T> {
 public:
  VectorKernel(const Ensemble& ensemble, Path path, const VectorPath& functions)
      : SumKernel<T>(ensemble, path),
        functions_(functions),
        forest_(ensemble, functions.slots_max) {
    if (forest_.ranks) row_bytes_ = forest_.ranks->row_bytes();
  }
  std::size_t memory_bytes() const override { return sizeof *this + forest_.memory_bytes(); }

 protected:
  void add_leaves(const float* rows, std::size_t count, std::size_t stride, T* sums) const override;

 private:
  // `count`: at most kRowsAtOnce rows.
  void add_chunk(const Chunk& chunk, const std::uint8_t* prepared, const float* rows,
                 std::size_t count, std::size_t stride, T* sums) const;
  void finish(const Chunk& chunk, const std::uint8_t* prepared, const float* row,
              std::uint32_t* positions) const;
  void add(const Chunk& chunk, const std::uint32_t* positions, std::size_t count, T* sums) const;

  const VectorPath& functions_;
  BlockForest<T> forest_;
  std::size_t row_bytes_ = kRegisterBytes;
};

template <class T>
void VectorKernel<T>::add_leaves(const float* rows, std::size_t count, std::size_t stride,
                                 T* sums) const {
  alignas(kRegisterBytes) std::uint8_t prepared[kPreparedBytes];
  const std::size_t outputs = this->output_count();
  const std::size_t block = kPreparedBytes / row_bytes_;
  for (std::size_t first = 0; first < count; first += block) {
    const std::size_t here = std::min(block, count - first);
    const float* block_rows = rows + first * stride;
    if (forest_.ranks)
      for (std::size_t row = 0; row < here; ++row)
        functions_.prepare(*forest_.ranks, block_rows + row * stride, prepared + row * row_bytes_);
    for (const Chunk& chunk : forest_.tables.chunks)
      for (std::size_t row = 0; row < here; row += kRowsAtOnce)
        add_chunk(chunk, prepared + row * row_bytes_, block_rows + row * stride,
                  std::min(kRowsAtOnce, here - row), stride, sums + (first + row) * outputs);
  }
}

template <class T>
void VectorKernel<T>::add_chunk(const Chunk& chunk, const std::uint8_t* prepared, const float* rows,
                                std::size_t count, std::size_t stride, T* sums) const {
  if (chunk.linear) {
    for (std::size_t row = 0; row < count; ++row)
      forest_.flat.add_trees(chunk.first_linear, chunk.first_linear + chunk.trees,
                             rows + row * stride, sums + row * this->output_count());
    return;
  }
  alignas(kRegisterBytes) std::uint32_t positions[kRowsAtOnce * kChunkTrees];
  if (chunk.blocks) functions_.find(forest_.tables, chunk, prepared, row_bytes_, count, positions);
  if (chunk.links > 0 || chunk.walks > 0 || chunk.leaf_width != 1)
    for (std::size_t row = 0; row < count; ++row)
      finish(chunk, prepared + row * row_bytes_, rows + row * stride,
             positions + row * kChunkTrees);
  add(chunk, positions, count, sums);
}

// From the exits of upper blocks to leaves, for all trees that are not wholly in blocks.
template <class T>
void VectorKernel<T>::finish(const Chunk& chunk, const std::uint8_t* prepared, const float* row,
                             std::uint32_t* positions) const {
  ChainLanes lanes;
  std::uint32_t arrived[kChunkTrees];
  for (std::size_t i = 0; i < chunk.links; ++i) {
    const Link& link = forest_.links[chunk.first_link + i];
    const std::uint32_t exit =
        (positions[link.tree] - chunk.first_leaf) >> chunk.sub_levels & (kExits - 1);
    const std::uint32_t next = forest_.chain_exits[link.first_exit + exit];
    arrived[link.tree] = next & ~kChainLeaf;
    lanes.at[lanes.count] = next;
    lanes.tree[lanes.count] = static_cast<std::uint8_t>(link.tree);
    lanes.count += next < kChainLeaf;
  }
  if (lanes.count > 0) functions_.follow(forest_.tables, prepared, lanes, arrived);
  std::uint32_t at[kChunkTrees];
  const Walk* walks = forest_.walks.data() + chunk.first_walk;
  bool plain = true;
  for (std::size_t i = 0; i < chunk.walks; ++i) {
    at[i] = walks[i].root;
    plain &= walks[i].plain;
  }
  forest_.flat.walk(at, chunk.walks, plain, row);
  if (chunk.blocks && chunk.leaf_width != 1)
    for (std::size_t tree = 0; tree < chunk.trees; ++tree)
      positions[tree] = forest_.leaf_map[positions[tree]];
  for (std::size_t i = 0; i < chunk.links; ++i) {
    const std::uint32_t tree = forest_.links[chunk.first_link + i].tree;
    positions[tree] = arrived[tree];
  }
  for (std::size_t i = 0; i < chunk.walks; ++i) positions[walks[i].tree] = at[i];
}

template <class T>
void VectorKernel<T>::add(const Chunk& chunk, const std::uint32_t* positions, std::size_t count,
                          T* sums) const {
  const T* leaves = forest_.flat.leaves.data();
  const std::size_t outputs = this->output_count();
  sums += chunk.output;
  if (chunk.leaf_width != 1) {
    for (std::size_t row = 0; row < count; ++row)
      for (std::size_t tree = 0; tree < chunk.trees; ++tree)
        for (std::size_t i = 0; i < chunk.leaf_width; ++i)
          sums[row * outputs + i] += leaves[positions[row * kChunkTrees + tree] + i];
    return;
  }
  if (count == kRowsAtOnce) {  // four sums side by side: each alone waits for its last addition
    T all[kRowsAtOnce];
    for (std::size_t row = 0; row < kRowsAtOnce; ++row) all[row] = sums[row * outputs];
    for (std::size_t tree = 0; tree < chunk.trees; ++tree)
      for (std::size_t row = 0; row < kRowsAtOnce; ++row)
        all[row] += leaves[positions[row * kChunkTrees + tree]];
    for (std::size_t row = 0; row < kRowsAtOnce; ++row) sums[row * outputs] = all[row];
    return;
  }
  for (std::size_t row = 0; row < count; ++row) {
    T sum = sums[row * outputs];
    for (std::size_t tree = 0; tree < chunk.trees; ++tree)
      sum += leaves[positions[row * kChunkTrees + tree]];
    sums[row * outputs] = sum;
  }
}

}  // namespace

template <class T>
std::unique_ptr<const Kernel> make_vector_kernel(const Ensemble& ensemble, Path path,
                                                 const VectorPath& functions) {
  return std::make_unique<VectorKernel<T>>(ensemble, path, functions);
}

template std::unique_ptr<const Kernel> make_vector_kernel<float>(const Ensemble&, Path,
                                                                 const VectorPath&);
template std::unique_ptr<const Kernel> make_vector_kernel<double>(const Ensemble&, Path,
                                                                  const VectorPath&);

}  // namespace tidemill::infer::trees
