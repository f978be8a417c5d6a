#include "infer/trees/blocks.h"

#include <algorithm>
#include <numeric>

namespace tidemill::infer::trees {
namespace {

// The most leaves per node that a chunk's trees may be padded to; thin, deep trees use chains
// instead.
constexpr std::size_t kPaddingMax = 32;
constexpr std::size_t kChainLevels = 3;
// Indices of leaves, which chains mark with a bit, stay below it: what comes after is walked.
constexpr std::size_t kPaddedLeavesMax = 1u << 29;
static_assert(kPaddedLeavesMax + kValuesMax < kChainLeaf);

// How a tree is predicted.
enum class Way { linear, walk, blocks, chain };
bool in_blocks(Way way) { return way == Way::blocks || way == Way::chain; }

// Levels of splits below the root; children come after their parents. At most `limit`.
std::size_t depth_of(const Tree& tree) {
  std::vector<std::uint32_t> depth(tree.nodes.size(), 0);
  for (std::size_t i = tree.nodes.size(); i-- > 0;) {
    const Node& node = tree.nodes[i];
    if (node.kind != NodeKind::leaf)
      depth[i] = 1 + std::max(depth[static_cast<std::size_t>(node.left)],
                              depth[static_cast<std::size_t>(node.right)]);
  }
  return depth[0];
}

bool all_numeric(const Tree& tree) {
  return std::ranges::none_of(tree.nodes,
                              [](const Node& node) { return node.kind == NodeKind::in_set; });
}

// Where a split at `level` that is reached by `path` (a bit a level) lies among the 63 bits: the
// first three levels in heap order, then eight groups of seven.
std::size_t top_position(std::size_t level, std::size_t path) {
  if (level < 3) return (std::size_t{1} << level) - 1 + path;
  const std::size_t inner = level - 3;
  const std::size_t group = path >> inner;
  return 7 + 7 * group + (std::size_t{1} << inner) - 1 + (path & ((std::size_t{1} << inner) - 1));
}

template <class T>
class Builder {
 public:
  Builder(BlockForest<T>& forest, const Ensemble& ensemble)
      : forest_(forest), ensemble_(ensemble) {}
  void build(std::size_t slots_max);

 private:
  void choose_ways(std::size_t slots_max);
  void add_chunk(const std::vector<std::size_t>& trees);
  void add_linear_chunk(const std::vector<std::size_t>& trees);
  std::size_t choose_levels(const std::vector<std::size_t>& trees);
  void add_empty_blocks(std::size_t padded_trees);
  void fill_tree(const Tree& tree, std::size_t index);
  void fill_top(std::size_t node, std::size_t level, std::size_t path);
  void fill_sub(std::size_t node, std::size_t exit, std::size_t level, std::size_t path);
  void fill_chain();
  void fill_link(std::size_t node, std::size_t block, std::size_t level, std::size_t path);
  std::uint32_t chain_to(std::size_t node);
  void set_leaf(const Node& node, std::size_t position);
  // A split in the form of the chunk's registers.
  struct Split {
    std::uint8_t slot, low, high, bank;
  };
  Split split_of(const Node& node) const;

  BlockForest<T>& forest_;
  const Ensemble& ensemble_;
  std::vector<Way> way_;
  std::vector<std::size_t> depth_;
  Chunk chunk_;
  std::size_t padded_leaves_ = 0;
  // The tree that is being filled in.
  const Tree* tree_ = nullptr;
  std::size_t index_ = 0;        // in the chunk
  std::uint32_t flat_leaf_ = 0;  // its first leaf value, when its leaves are not in its blocks
  bool chained_ = false;
  std::size_t first_exit_ = 0;
  struct Unfilled {
    std::size_t node, block;
  };
  std::vector<Unfilled> unfilled_;  // blocks of its chain
};

template <class T>
void Builder<T>::choose_ways(std::size_t slots_max) {
  const std::size_t count = ensemble_.trees.size();
  std::vector<bool> numeric(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Tree& tree = ensemble_.trees[i];
    depth_.push_back(depth_of(tree));
    numeric[i] = tree.linear_leaves.empty() && all_numeric(tree);
  }
  forest_.ranks = RankTables::build(ensemble_, numeric, slots_max);
  const std::size_t block_levels =
      forest_.ranks && forest_.ranks->wide() ? kTopLevels : kBlockLevelsMax;
  for (std::size_t i = 0; i < count; ++i) {
    if (!ensemble_.trees[i].linear_leaves.empty())
      way_.push_back(Way::linear);
    else if (!forest_.ranks || !numeric[i])
      way_.push_back(Way::walk);
    else
      way_.push_back(depth_[i] <= block_levels ? Way::blocks : Way::chain);
  }
  if (!forest_.ranks) return;
  forest_.tables.planes = forest_.ranks->planes();
  forest_.tables.registers = forest_.ranks->registers();
  forest_.tables.top_parts = 1 + forest_.tables.planes + (forest_.ranks->wide() ? 1 : 0);
}

template <class T>
void Builder<T>::build(std::size_t slots_max) {
  choose_ways(slots_max);
  // Sums of different outputs are independent, so trees may be grouped by output, unless leaves
  // cover several outputs.
  std::vector<std::size_t> order(ensemble_.trees.size());
  std::iota(order.begin(), order.end(), 0);
  auto tree = [this](std::size_t index) -> const Tree& { return ensemble_.trees[index]; };
  if (std::ranges::all_of(ensemble_.trees, [](const Tree& each) { return each.leaf_width == 1; }))
    std::ranges::sort(order, {},
                      [&](std::size_t index) { return std::pair(tree(index).output, index); });
  for (std::size_t first = 0; first < order.size();) {
    std::vector<std::size_t> members;
    const Tree& begin = tree(order[first]);
    const bool linear = way_[order[first]] == Way::linear;
    while (first < order.size() && members.size() < kChunkTrees &&
           tree(order[first]).output == begin.output &&
           tree(order[first]).leaf_width == begin.leaf_width &&
           (way_[order[first]] == Way::linear) == linear)
      members.push_back(order[first++]);
    chunk_ = {};
    chunk_.trees = static_cast<std::uint32_t>(members.size());
    chunk_.output = begin.output;
    chunk_.leaf_width = begin.leaf_width;
    linear ? add_linear_chunk(members) : add_chunk(members);
    forest_.tables.chunks.push_back(chunk_);
  }
  if (forest_.ranks) forest_.ranks->forget_places();
}

template <class T>
void Builder<T>::add_linear_chunk(const std::vector<std::size_t>& trees) {
  chunk_.linear = true;
  chunk_.first_linear = static_cast<std::uint32_t>(forest_.flat.trees.size());
  for (std::size_t index : trees) forest_.flat.add(ensemble_.trees[index]);
}

// Levels of the chunk's blocks, from those of its trees.
template <class T>
std::size_t Builder<T>::choose_levels(const std::vector<std::size_t>& trees) {
  const std::size_t padded = (trees.size() + kLaneTrees - 1) / kLaneTrees * kLaneTrees;
  std::size_t levels = 0, nodes = 0;
  for (std::size_t index : trees) {
    if (way_[index] == Way::blocks) levels = std::max(levels, depth_[index]);
    nodes += ensemble_.trees[index].nodes.size();
  }
  if (levels > kTopLevels && (padded * kExits << (levels - kTopLevels)) > kPaddingMax * nodes) {
    for (std::size_t index : trees)
      if (way_[index] == Way::blocks && depth_[index] > kTopLevels) way_[index] = Way::chain;
    levels = kTopLevels;
  }
  return levels;
}

// Blocks whose splits nothing goes right of: slot 0 and the largest rank.
template <class T>
void Builder<T>::add_empty_blocks(std::size_t padded_trees) {
  BlockTables& tables = forest_.tables;
  for (std::size_t i = 0; i < padded_trees; ++i)
    for (std::size_t part = 0; part < tables.top_parts; ++part)
      std::ranges::fill(tables.tops.emplace_back().bytes,
                        part >= 1 && part <= tables.planes ? 0xff : 0x00);
  if (chunk_.sub_levels == 0) return;
  const std::size_t words = sub_words(chunk_.sub_levels, tables.planes);
  for (std::size_t i = 0; i < padded_trees * kExits; ++i)
    for (std::size_t word = 0; word < words; ++word)
      tables.subs.push_back(word > 0                 ? ~std::uint64_t{0}
                            : chunk_.sub_levels == 2 ? std::uint64_t{0xffffffff} << 32
                                                     : 0);
}

template <class T>
void Builder<T>::add_chunk(const std::vector<std::size_t>& trees) {
  BlockTables& tables = forest_.tables;
  const std::size_t padded = (trees.size() + kLaneTrees - 1) / kLaneTrees * kLaneTrees;
  if (padded_leaves_ + padded * kExits * 8 > kPaddedLeavesMax)
    for (std::size_t index : trees) way_[index] = Way::walk;
  const std::size_t levels = choose_levels(trees);
  chunk_.blocks =
      std::ranges::any_of(trees, [&](std::size_t each) { return in_blocks(way_[each]); });
  chunk_.sub_levels = levels <= kTopLevels ? 0 : levels <= kTopLevels + 2 ? 2 : 3;
  chunk_.first_link = static_cast<std::uint32_t>(forest_.links.size());
  chunk_.first_walk = static_cast<std::uint32_t>(forest_.walks.size());
  chunk_.first_top = static_cast<std::uint32_t>(tables.tops.size());
  chunk_.first_sub = static_cast<std::uint32_t>(tables.subs.size());
  if (chunk_.blocks) add_empty_blocks(padded);
  const std::size_t leaves = chunk_.blocks ? padded * kExits << chunk_.sub_levels : 0;
  padded_leaves_ += leaves;
  if (chunk_.leaf_width == 1) {
    chunk_.first_leaf = static_cast<std::uint32_t>(forest_.flat.leaves.size());
    forest_.flat.leaves.resize(chunk_.first_leaf + leaves);
  } else {
    chunk_.first_leaf = static_cast<std::uint32_t>(forest_.leaf_map.size());
    forest_.leaf_map.resize(chunk_.first_leaf + leaves);
  }
  for (std::size_t i = 0; i < trees.size(); ++i) {
    index_ = i;
    fill_tree(ensemble_.trees[trees[i]], trees[i]);
  }
  chunk_.links = static_cast<std::uint32_t>(forest_.links.size()) - chunk_.first_link;
  chunk_.walks = static_cast<std::uint32_t>(forest_.walks.size()) - chunk_.first_walk;
}

template <class T>
void Builder<T>::fill_tree(const Tree& tree, std::size_t index) {
  tree_ = &tree;
  chained_ = way_[index] == Way::chain;
  const auto in_chunk = static_cast<std::uint32_t>(index_);
  if (way_[index] == Way::walk) {
    forest_.flat.add(tree);
    forest_.walks.push_back({in_chunk, forest_.flat.trees.back().root, is_plain(tree)});
    return;
  }
  if (chained_ || tree.leaf_width != 1) {
    flat_leaf_ = static_cast<std::uint32_t>(forest_.flat.leaves.size());
    forest_.flat.add_leaves(tree);
  }
  if (chained_) {
    first_exit_ = forest_.chain_exits.size();
    forest_.links.push_back({in_chunk, static_cast<std::uint32_t>(first_exit_)});
    forest_.chain_exits.resize(first_exit_ + kExits, kChainLeaf);
  }
  fill_top(0, 0, 0);
  fill_chain();
}

// A leaf, or a new block that is filled in later: trees may be deeper than the stack.
template <class T>
std::uint32_t Builder<T>::chain_to(std::size_t index) {
  const Node& node = tree_->nodes[index];
  if (node.kind == NodeKind::leaf) return kChainLeaf | (flat_leaf_ + node.leaf * tree_->leaf_width);
  std::vector<ChainBlock>& chain = forest_.tables.chain;
  const std::size_t block = chain.size();
  chain.emplace_back();
  chain.back().low = chain.back().high = ~std::uint64_t{0};
  unfilled_.push_back({index, block});
  return static_cast<std::uint32_t>(block);
}

template <class T>
void Builder<T>::fill_chain() {
  while (!unfilled_.empty()) {
    const Unfilled next = unfilled_.back();
    unfilled_.pop_back();
    fill_link(next.node, next.block, 0, 0);
  }
}

template <class T>
void Builder<T>::fill_link(std::size_t index, std::size_t block, std::size_t level,
                           std::size_t path) {
  const Node& node = tree_->nodes[index];
  if (level == kChainLevels || node.kind == NodeKind::leaf) {
    const std::uint32_t next = chain_to(index);
    forest_.tables.chain[block].next[path << (kChainLevels - level)] = next;
    return;
  }
  const Split split = split_of(node);
  const std::size_t shift = 8 * ((std::size_t{1} << level) - 1 + path);
  ChainBlock& here = forest_.tables.chain[block];
  auto put = [shift](std::uint64_t& word, std::uint8_t byte) {
    word = (word & ~(std::uint64_t{0xff} << shift)) | std::uint64_t{byte} << shift;
  };
  put(here.slots, split.slot);
  put(here.low, split.low);
  put(here.high, split.high);
  put(here.banks, split.bank);
  fill_link(static_cast<std::size_t>(node.left), block, level + 1, path * 2);
  fill_link(static_cast<std::size_t>(node.right), block, level + 1, path * 2 + 1);
}

template <class T>
typename Builder<T>::Split Builder<T>::split_of(const Node& node) const {
  const RankTables::Place place = forest_.ranks->place(node);
  const auto byte = [](std::size_t value) { return static_cast<std::uint8_t>(value & 0xff); };
  const bool wide = forest_.ranks->wide();
  return {byte(wide ? place.slot % kBankSlots : place.slot), byte(place.rank),
          byte(place.rank >> 8), byte(wide ? place.slot / kBankSlots : 0)};
}

template <class T>
void Builder<T>::set_leaf(const Node& node, std::size_t position) {
  if (tree_->leaf_width != 1) {
    forest_.leaf_map[chunk_.first_leaf + position] = flat_leaf_ + node.leaf * tree_->leaf_width;
    return;
  }
  T leaf = static_cast<T>(tree_->leaf_values[node.leaf]);
  if (tree_->weight != 1) leaf *= static_cast<T>(tree_->weight);
  forest_.flat.leaves[chunk_.first_leaf + position] = leaf;
}

template <class T>
void Builder<T>::fill_top(std::size_t index, std::size_t level, std::size_t path) {
  const Node& node = tree_->nodes[index];
  if (level == kTopLevels || node.kind == NodeKind::leaf) {
    const std::size_t exit = path << (kTopLevels - level);
    if (chained_)
      forest_.chain_exits[first_exit_ + exit] = chain_to(index);
    else
      fill_sub(index, index_ * kExits + exit, 0, 0);
    return;
  }
  const std::size_t planes = forest_.tables.planes;
  const std::size_t parts = forest_.tables.top_parts;
  ByteBlock* top = &forest_.tables.tops[chunk_.first_top + index_ * parts];
  const Split split = split_of(node);
  const std::size_t position = top_position(level, path);
  top[0].bytes[position] = split.slot;
  top[1].bytes[position] = split.low;
  if (planes == 2) top[2].bytes[position] = split.high;
  if (parts > 1 + planes) top[parts - 1].bytes[position] = split.bank;
  fill_top(static_cast<std::size_t>(node.left), level + 1, path * 2);
  fill_top(static_cast<std::size_t>(node.right), level + 1, path * 2 + 1);
}

template <class T>
void Builder<T>::fill_sub(std::size_t index, std::size_t exit, std::size_t level,
                          std::size_t path) {
  const Node& node = tree_->nodes[index];
  const std::size_t levels = chunk_.sub_levels;
  if (node.kind == NodeKind::leaf) {
    set_leaf(node, (exit << levels) + (path << (levels - level)));
    return;
  }
  const std::size_t planes = forest_.tables.planes;
  const std::size_t width = levels == 2 ? 4 : 8;  // bytes of slots, of low and of high bytes
  auto* block = reinterpret_cast<std::uint8_t*>(
      &forest_.tables.subs[chunk_.first_sub + exit * sub_words(levels, planes)]);
  const Split split = split_of(node);
  const std::size_t position = (std::size_t{1} << level) - 1 + path;
  block[position] = split.slot;
  block[width + position] = split.low;
  if (planes == 2) block[2 * width + position] = split.high;
  fill_sub(static_cast<std::size_t>(node.left), exit, level + 1, path * 2);
  fill_sub(static_cast<std::size_t>(node.right), exit, level + 1, path * 2 + 1);
}

}  // namespace

template <class T>
BlockForest<T>::BlockForest(const Ensemble& ensemble, std::size_t slots_max) {
  Builder<T>(*this, ensemble).build(slots_max);
}

template <class T>
std::size_t BlockForest<T>::memory_bytes() const {
  return (ranks ? ranks->memory_bytes() : 0) + tables.chunks.capacity() * sizeof(Chunk) +
         tables.tops.capacity() * sizeof(ByteBlock) +
         tables.subs.capacity() * sizeof(std::uint64_t) + flat.memory_bytes() +
         tables.chain.capacity() * sizeof(ChainBlock) +
         leaf_map.capacity() * sizeof(std::uint32_t) + walks.capacity() * sizeof(Walk) +
         links.capacity() * sizeof(Link) + chain_exits.capacity() * sizeof(std::uint32_t);
}

template struct BlockForest<float>;
template struct BlockForest<double>;

}  // namespace tidemill::infer::trees
