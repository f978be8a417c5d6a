// Tests the layout of trees; kernel_parity_test.cc tests that predictions are the same.
#include "infer/trees/blocks.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "infer/trees/kernel.h"
#include "infer/trees/test_nodes.h"

namespace tidemill::infer::trees {
namespace {

// x0 < 0 ? 0 : x0 < 1 ? 1 : ... : depth.
Tree comb(std::uint32_t depth) {
  Tree tree;
  for (std::uint32_t level = 0; level < depth; ++level) {
    const auto here = static_cast<std::int32_t>(tree.nodes.size());
    tree.nodes.push_back(split(NodeKind::less, 0, level, here + 1, here + 2));
    tree.nodes.push_back(leaf(level));
    tree.leaf_values.push_back(level);
  }
  tree.nodes.push_back(leaf(depth));
  tree.leaf_values.push_back(depth);
  return tree;
}

Ensemble ensemble_of(std::size_t features, std::vector<Tree> trees) {
  Ensemble out;
  out.feature_count = features;
  out.base = {0};
  out.trees = std::move(trees);
  return out;
}

std::size_t blocks_of_chain(std::uint32_t depth) {
  return BlockForest<float>(ensemble_of(1, {comb(depth)}), kSlotsMax).tables.chain.size();
}

TEST(Blocks, Deep_trees_go_on_along_chains) {
  EXPECT_EQ(blocks_of_chain(6), 0u);
  EXPECT_EQ(blocks_of_chain(10), 2u);  // six levels, three, one
  EXPECT_EQ(blocks_of_chain(66), 20u);
}

// Deeper than any stack, with more thresholds than ranks have: walked. Fewer: along a chain.
TEST(Blocks, Trees_that_are_all_depth) {
  for (const std::uint32_t depth : {60'000u, 200'000u}) {
    const Ensemble ensemble = ensemble_of(1, {comb(depth)});
    for (const Path path : {Path::scalar, Path::avx2, Path::avx512}) {
      if (!path_available(path)) continue;
      auto kernel = compile(ensemble, {path});
      ASSERT_TRUE(kernel);
      for (const float wanted : {0.0f, 1.0f, 777.0f, 59'999.0f, float(depth)}) {
        const float row = wanted - 0.5f;
        float found = -1;
        (*kernel)->predict(&row, 1, 1, &found);
        EXPECT_EQ(found, wanted) << path_name(path);
      }
    }
  }
}

// Trees of three splits, each on features of its own.
std::vector<Tree> trees_of_own_features(std::uint32_t count) {
  std::vector<Tree> out(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    out[i].nodes = {split(NodeKind::less, 3 * i, 1, 1, 2),
                    split(NodeKind::less, 3 * i + 1, 1, 3, 4),
                    split(NodeKind::less, 3 * i + 2, 1, 5, 6),
                    leaf(0),
                    leaf(1),
                    leaf(2),
                    leaf(3)};
    out[i].leaf_values = {0, 1, 2, 3};
  }
  return out;
}

TEST(Blocks, Wide_rows_have_banks_where_the_path_takes_them) {
  const Ensemble narrow_ensemble = ensemble_of(240, trees_of_own_features(80));
  const BlockForest<float> narrow(narrow_ensemble, kSlotsMax);
  ASSERT_TRUE(narrow.ranks);
  EXPECT_EQ(narrow.ranks->registers(), 4u);
  EXPECT_EQ(narrow.tables.top_parts, 2u);

  const Ensemble wide_ensemble = ensemble_of(900, trees_of_own_features(300));
  const BlockForest<float> wide(wide_ensemble, kSlotsMax);
  ASSERT_TRUE(wide.ranks);
  EXPECT_EQ(wide.ranks->registers(), 16u);
  EXPECT_EQ(wide.tables.top_parts, 3u);
  for (const Chunk& chunk : wide.tables.chunks) EXPECT_EQ(chunk.walks, 0u);

  EXPECT_FALSE(BlockForest<float>(wide_ensemble, kNarrowSlotsMax).ranks);
  EXPECT_FALSE(BlockForest<float>(ensemble_of(1500, trees_of_own_features(500)), kSlotsMax).ranks);
}

TEST(Blocks, What_costs_more_to_prepare_than_to_walk_is_walked) {
  std::vector<Tree> trees = trees_of_own_features(100);
  EXPECT_TRUE(BlockForest<float>(ensemble_of(300, trees), kSlotsMax).ranks);
  // One deep tree with as many features as two hundred others would bring.
  trees[0] = comb(0);
  for (std::uint32_t i = 0; i < 600; ++i) {
    const auto here = static_cast<std::int32_t>(trees[0].nodes.size()) - 1;
    trees[0].nodes[static_cast<std::size_t>(here)] =
        split(NodeKind::less, 300 + i, 1, here + 1, here + 2);
    trees[0].nodes.push_back(leaf(0));
    trees[0].nodes.push_back(leaf(0));
  }
  EXPECT_FALSE(BlockForest<float>(ensemble_of(900, trees), kSlotsMax).ranks);
}

}  // namespace
}  // namespace tidemill::infer::trees
