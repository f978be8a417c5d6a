// Trees laid out for vectors. The upper six levels of a tree, padded to 63 splits, are one block:
// all 63 are decided at once (a permute picks each split's rank from the row, a comparison gives 63
// bits), and two table look-ups turn the bits into one of 64 exits. Trees of up to nine levels have
// a small block of two or three levels at each exit; deeper ones go on along a chain of blocks of
// three levels each, and so do all trees of more than six in a model of wide rows (ranks.h). A tree
// with categorical splits is walked node by node.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "infer/trees/flat.h"
#include "infer/trees/ranks.h"

namespace tidemill::infer::trees {

inline constexpr std::size_t kTopLevels = 6;
inline constexpr std::size_t kExits = 64;
inline constexpr std::size_t kChunkTrees = 64;
inline constexpr std::size_t kLaneTrees = 8;  // a chunk's trees are padded to a multiple
inline constexpr std::size_t kBlockLevelsMax = 9;

// Trees that follow one another and add to the same output.
struct Chunk {
  std::uint32_t trees = 0;
  std::uint32_t output = 0;
  std::uint32_t leaf_width = 1;
  std::uint32_t sub_levels = 0;  // 0, 2 or 3
  std::uint32_t first_top = 0;   // in tops
  std::uint32_t first_sub = 0;   // in subs
  std::uint32_t first_leaf = 0;  // in leaves, or in leaf_map when leaf_width is not 1
  std::uint32_t first_link = 0, links = 0;
  std::uint32_t first_walk = 0, walks = 0;
  std::uint32_t first_linear = 0;  // trees of the flat forest; then no tree of it is in blocks
  bool linear = false;
  bool blocks = false;  // whether any tree of it is
};

// A tree that is walked from its root.
struct Walk {
  std::uint32_t tree = 0;  // in the chunk
  std::uint32_t root = 0;
  bool plain = true;
};

// Three levels of a deep tree, and where each of their eight ways leads: one cache line.
struct alignas(kRegisterBytes) ChainBlock {
  std::uint64_t slots = 0, low = 0, high = 0, banks = 0;  // a byte a split, the eighth unused
  std::uint32_t next[8] = {};  // another block, or kChainLeaf | an index into leaves
};
inline constexpr std::uint32_t kChainLeaf = 1u << 31;

// A tree that goes on below its upper block.
struct Link {
  std::uint32_t tree = 0;        // in the chunk
  std::uint32_t first_exit = 0;  // in chain_exits: where each of 64 exits leads
};

struct alignas(kRegisterBytes) ByteBlock {
  std::uint8_t bytes[kRegisterBytes];
};

// The tables that the vector code reads; they do not depend on the type of the sums.
struct BlockTables {
  std::vector<Chunk> chunks;
  // A tree: slots, low bytes of ranks, high bytes (two planes), banks of slots (wide rows).
  std::vector<ByteBlock> tops;
  // An exit's block: two levels: 4 slots, 4 low bytes[, 4 high bytes, 4 unused]; three levels: 8
  // slots, 8 low bytes[, 8 high bytes].
  std::vector<std::uint64_t> subs;
  std::vector<ChainBlock> chain;
  std::size_t planes = 1, registers = 1;
  std::size_t top_parts = 2;  // registers a tree in tops
};
inline std::size_t sub_words(std::size_t levels, std::size_t planes) {
  return levels == 2 ? planes : 1 + planes;
}

// Bits of seven splits in heap order -> which of eight ways: the tables of the look-ups.
struct PathTables {
  alignas(64) std::array<std::uint8_t, 128> way{}, way_times_8{}, shift{};
  alignas(16) std::array<std::uint8_t, 16> way_of_3{};  // of three splits
};
consteval PathTables make_path_tables() {
  PathTables tables;
  for (unsigned bits = 0; bits < 128; ++bits) {
    unsigned node = 0;
    for (int level = 0; level < 3; ++level) node = 2 * node + 1 + (bits >> node & 1);
    const unsigned way = node - 7;
    tables.way[bits] = static_cast<std::uint8_t>(way);
    tables.way_times_8[bits] = static_cast<std::uint8_t>(way * 8);
    tables.shift[bits] = static_cast<std::uint8_t>(7 + way * 7);
    if (bits < 16) {
      unsigned at = 0;
      for (int level = 0; level < 2; ++level) at = 2 * at + 1 + (bits >> at & 1);
      tables.way_of_3[bits] = static_cast<std::uint8_t>(at - 3);
    }
  }
  return tables;
}
inline constexpr PathTables kPathTables = make_path_tables();

template <class T>
struct BlockForest {
  std::optional<RankTables> ranks;  // nothing: every tree is walked
  BlockTables tables;
  FlatForest<T> flat;  // trees that are walked, and all leaves
  std::vector<std::uint32_t> leaf_map;
  std::vector<Walk> walks;
  std::vector<Link> links;
  std::vector<std::uint32_t> chain_exits;

  // slots_max: what the path's registers hold.
  BlockForest(const Ensemble& ensemble, std::size_t slots_max);
  std::size_t memory_bytes() const;
};

extern template struct BlockForest<float>;
extern template struct BlockForest<double>;

}  // namespace tidemill::infer::trees
