// A vector path: prepares rows, and finds the leaves of a chunk's trees.
#pragma once

#include <cstddef>
#include <cstdint>

#include "infer/trees/blocks.h"

namespace tidemill::infer::trees {

inline constexpr std::size_t kRowsAtOnce = 4;

// Trees of a chunk that continue below their upper block.
struct ChainLanes {
  std::size_t count = 0;
  std::uint32_t at[kChunkTrees];   // a block of BlockTables::chain, or kChainLeaf | a leaf
  std::uint8_t tree[kChunkTrees];  // the tree of each lane
};

// Moves each lane to the target of its way from its block. Lanes that have arrived leave.
inline void advance(const ChainBlock* chain, const std::uint8_t* ways, ChainLanes& lanes,
                    std::uint32_t* positions) {
  std::size_t left = 0;
  for (std::size_t i = 0; i < lanes.count; ++i) {
    const std::uint32_t next = chain[lanes.at[i]].next[ways[i]];
    const std::uint8_t tree = lanes.tree[i];
    positions[tree] = next & ~kChainLeaf;
    lanes.at[left] = next;
    lanes.tree[left] = tree;
    left += next < kChainLeaf;
  }
  lanes.count = left;
}

struct VectorPath {
  std::size_t slots_max;
  // row: feature_count floats; out: ranks.row_bytes() bytes, aligned to a register.
  void (*prepare)(const RankTables& ranks, const float* row, std::uint8_t* out);
  // The leaf of each tree of the chunk, for `count` (1 .. kRowsAtOnce) prepared rows at intervals
  // of row_bytes: positions[row * kChunkTrees + tree], an index into leaves or leaf_map. A position
  // less first_leaf, without its sub_levels lowest bits, is 64 * tree + the exit taken.
  void (*find)(const BlockTables& tables, const Chunk& chunk, const std::uint8_t* rows,
               std::size_t row_bytes, std::size_t count, std::uint32_t* positions);
  // Follows the chains of a row's trees (none is at a leaf yet) to their leaves: positions[tree] is
  // an index into leaves.
  void (*follow)(const BlockTables& tables, const std::uint8_t* row, ChainLanes& lanes,
                 std::uint32_t* positions);
};

// Null when this CPU or this build lacks the instructions.
const VectorPath* avx2_path();
const VectorPath* avx512_path();

}  // namespace tidemill::infer::trees
