#include "infer/trees/blocks.h"

#include <algorithm>
#include <numeric>

namespace tidemill::infer::trees {
namespace {

// Leaves that a chunk may have for each node of its trees; thin, deep trees are walked instead.
constexpr std::size_t kPaddingMax = 32;

// How a tree is predicted.
enum class Way { linear, walk, blocks, blocks_then_walk };

// Levels of splits below each node; children come after their parents. At most `limit`.
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
  void build();

 private:
  void choose_ways();
  void add_chunk(const std::vector<std::size_t>& trees);
  void add_linear_chunk(const std::vector<std::size_t>& trees);
  void fill_tree(const Tree& tree, std::size_t index);
  void fill_top(std::size_t node, std::size_t level, std::size_t path);
  void fill_sub(std::size_t node, std::size_t exit, std::size_t level, std::size_t path);
  void set_leaf(const Node& node, std::size_t position);

  BlockForest<T>& forest_;
  const Ensemble& ensemble_;
  std::vector<Way> way_;
  std::vector<std::size_t> depth_;
  // The tree that is being filled in.
  Chunk chunk_;
  const Tree* tree_ = nullptr;
  std::size_t index_ = 0;           // in the chunk
  std::uint32_t flat_leaf_ = 0;     // its first leaf value, when leaves are mapped
  std::uint32_t* exits_ = nullptr;  // of a tree that goes on node by node
  std::uint32_t flat_root_ = 0;
};

template <class T>
void Builder<T>::choose_ways() {
  const std::size_t count = ensemble_.trees.size();
  std::vector<bool> numeric(count);
  for (std::size_t i = 0; i < count; ++i) {
    const Tree& tree = ensemble_.trees[i];
    depth_.push_back(depth_of(tree));
    numeric[i] = tree.linear_leaves.empty() && all_numeric(tree);
  }
  forest_.ranks = RankTables::build(ensemble_, numeric);
  for (std::size_t i = 0; i < count; ++i) {
    if (!ensemble_.trees[i].linear_leaves.empty())
      way_.push_back(Way::linear);
    else if (!forest_.ranks || !numeric[i])
      way_.push_back(Way::walk);
    else
      way_.push_back(depth_[i] <= kBlockLevelsMax ? Way::blocks : Way::blocks_then_walk);
  }
  if (forest_.ranks) {
    forest_.tables.planes = forest_.ranks->planes();
    forest_.tables.registers = forest_.ranks->registers();
  }
}

template <class T>
void Builder<T>::build() {
  choose_ways();
  // Sums of different outputs do not meet, so trees may be grouped by output; not when leaves
  // reach over several.
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

template <class T>
void Builder<T>::add_chunk(const std::vector<std::size_t>& trees) {
  BlockTables& tables = forest_.tables;
  const std::size_t padded = (trees.size() + kLaneTrees - 1) / kLaneTrees * kLaneTrees;
  std::size_t levels = 0, nodes = 0;
  for (std::size_t index : trees) {
    chunk_.blocks |= way_[index] == Way::blocks || way_[index] == Way::blocks_then_walk;
    if (way_[index] == Way::blocks) levels = std::max(levels, depth_[index]);
    nodes += ensemble_.trees[index].nodes.size();
  }
  if (levels > kTopLevels && (padded * kExits << (levels - kTopLevels)) > kPaddingMax * nodes) {
    for (std::size_t index : trees)
      if (way_[index] == Way::blocks && depth_[index] > kTopLevels)
        way_[index] = Way::blocks_then_walk;
    levels = kTopLevels;
  }
  chunk_.sub_levels = levels <= kTopLevels ? 0 : levels <= kTopLevels + 2 ? 2 : 3;
  chunk_.first_walk = static_cast<std::uint32_t>(forest_.walks.size());
  chunk_.first_top = static_cast<std::uint32_t>(tables.tops.size());
  chunk_.first_sub = static_cast<std::uint32_t>(tables.subs.size());
  std::size_t leaves = 0;
  if (chunk_.blocks) {
    // Slot 0 and the largest rank: never right.
    for (std::size_t i = 0; i < padded; ++i)
      for (std::size_t part = 0; part < 1 + tables.planes; ++part)
        std::ranges::fill(tables.tops.emplace_back().bytes, part == 0 ? 0x00 : 0xff);
    leaves = padded * kExits << chunk_.sub_levels;
    if (chunk_.sub_levels > 0) {
      const std::size_t words = sub_words(chunk_.sub_levels, tables.planes);
      for (std::size_t i = 0; i < padded * kExits; ++i)
        for (std::size_t word = 0; word < words; ++word)
          tables.subs.push_back(word > 0                 ? ~std::uint64_t{0}
                                : chunk_.sub_levels == 2 ? std::uint64_t{0xffffffff} << 32
                                                         : 0);
    }
  }
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
  chunk_.walks = static_cast<std::uint32_t>(forest_.walks.size()) - chunk_.first_walk;
}

template <class T>
void Builder<T>::fill_tree(const Tree& tree, std::size_t index) {
  tree_ = &tree;
  exits_ = nullptr;
  if (way_[index] != Way::blocks) {
    Walk walk;
    walk.tree = static_cast<std::uint32_t>(index_);
    walk.plain = is_plain(tree);
    forest_.flat.add(tree);
    walk.root = flat_root_ = forest_.flat.trees.back().root;
    if (way_[index] == Way::blocks_then_walk) {
      walk.from_exit = true;
      walk.first_exit = static_cast<std::uint32_t>(forest_.exit_nodes.size());
      forest_.exit_nodes.resize(walk.first_exit + kExits, flat_root_);
      exits_ = &forest_.exit_nodes[walk.first_exit];
    }
    forest_.walks.push_back(walk);
    if (!walk.from_exit) return;
  } else if (tree.leaf_width != 1) {
    flat_leaf_ = static_cast<std::uint32_t>(forest_.flat.leaves.size());
    forest_.flat.add_leaves(tree);
  }
  fill_top(0, 0, 0);
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
    if (exits_)
      exits_[exit] = flat_root_ + static_cast<std::uint32_t>(index);
    else
      fill_sub(index, index_ * kExits + exit, 0, 0);
    return;
  }
  const std::size_t planes = forest_.tables.planes;
  ByteBlock* top = &forest_.tables.tops[chunk_.first_top + index_ * (1 + planes)];
  const RankTables::Place place = forest_.ranks->place(node);
  const std::size_t position = top_position(level, path);
  top[0].bytes[position] = place.slot;
  top[1].bytes[position] = static_cast<std::uint8_t>(place.rank & 0xff);
  if (planes == 2) top[2].bytes[position] = static_cast<std::uint8_t>(place.rank >> 8);
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
  const RankTables::Place place = forest_.ranks->place(node);
  const std::size_t position = (std::size_t{1} << level) - 1 + path;
  block[position] = place.slot;
  block[width + position] = static_cast<std::uint8_t>(place.rank & 0xff);
  if (planes == 2) block[2 * width + position] = static_cast<std::uint8_t>(place.rank >> 8);
  fill_sub(static_cast<std::size_t>(node.left), exit, level + 1, path * 2);
  fill_sub(static_cast<std::size_t>(node.right), exit, level + 1, path * 2 + 1);
}

}  // namespace

template <class T>
BlockForest<T>::BlockForest(const Ensemble& ensemble) {
  Builder<T>(*this, ensemble).build();
}

template <class T>
std::size_t BlockForest<T>::memory_bytes() const {
  return (ranks ? ranks->memory_bytes() : 0) + tables.chunks.capacity() * sizeof(Chunk) +
         tables.tops.capacity() * sizeof(ByteBlock) +
         tables.subs.capacity() * sizeof(std::uint64_t) + flat.memory_bytes() +
         leaf_map.capacity() * sizeof(std::uint32_t) + walks.capacity() * sizeof(Walk) +
         exit_nodes.capacity() * sizeof(std::uint32_t);
}

template struct BlockForest<float>;
template struct BlockForest<double>;

}  // namespace tidemill::infer::trees
