// What a vector path brings: preparing a row, and finding the leaves of a chunk's trees.
#pragma once

#include <cstddef>
#include <cstdint>

#include "infer/trees/blocks.h"

namespace tidemill::infer::trees {

inline constexpr std::size_t kRowsAtOnce = 4;

struct VectorPath {
  // row: feature_count floats; out: ranks.row_bytes() bytes, aligned to a register.
  void (*prepare)(const RankTables& ranks, const float* row, std::uint8_t* out);
  // The leaf of each tree of the chunk, for `count` (1 .. kRowsAtOnce) prepared rows that lie
  // row_bytes apart: positions[row * kChunkTrees + tree], an index into leaves or leaf_map. A
  // position less first_leaf, without its sub_levels lowest bits, is 64 * tree + the exit taken.
  void (*find)(const BlockTables& tables, const Chunk& chunk, const std::uint8_t* rows,
               std::size_t row_bytes, std::size_t count, std::uint32_t* positions);
};

// Null when this CPU, or this build, has no such instructions.
const VectorPath* avx2_path();
const VectorPath* avx512_path();

}  // namespace tidemill::infer::trees
