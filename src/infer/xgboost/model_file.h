// The contents of an XGBoost model file of any format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "infer/trees/ensemble.h"

namespace tidemill::infer::xgboost {

struct ModelFile {
  std::string objective;  // "binary:logistic"
  std::string booster;    // "gbtree", "dart", "gblinear"
  std::size_t feature_count = 0;
  std::size_t class_count = 0;   // 0: not multi-class
  std::size_t target_count = 1;  // multi-target regression
  std::vector<float> base_score;
  bool base_is_margin = false;  // before 1.0 base scores were saved as margins

  // Trees, in order; Tree::output is set only for vector leaves so far.
  std::vector<trees::Tree> trees;
  std::vector<std::int32_t> tree_outputs;
  std::vector<float> tree_weights;         // dart
  std::size_t parallel_trees = 0;          // trees a round and output; 0: from before 1.6
  std::vector<std::int32_t> round_starts;  // iteration_indptr of 2.0 and later; else empty
  std::vector<float> linear_weights;       // feature by output, then the biases

  // Attributes; empty: none. Before 1.6 the limit is (best_iteration + 1) * parallel trees.
  std::string best_iteration, best_tree_limit;
  int version[2] = {0, 0};  // major, minor

  std::size_t output_count() const;
};

// JSON and UBJSON of 1.0 and later, with or without the configuration that a pickle has.
Result<ModelFile> read_document_model(std::string_view bytes);
// The binary format of all versions that wrote it (to 3.0).
Result<ModelFile> read_binary_model(std::string_view bytes);
// Any format, by the first bytes. Tidemill.Invalid when unknown or damaged.
Result<ModelFile> read_model_file(std::string_view bytes);

// Limit of words in a model's category sets: a small file can name large categories.
inline constexpr std::size_t kCategoryWordsMax = 1u << 24;

// A tree as in XGBoost's formats: one list per member, one entry per node.
struct RawTree {
  std::vector<std::int32_t> left, right, features, default_left;
  std::vector<float> conditions;  // a split's threshold, a leaf's value
  // leaf_width numbers per node, if leaf_width is not 1; per leaf (numbered by `right`) if
  // packed_leaves.
  std::vector<float> leaf_vectors;
  bool packed_leaves = false;
  std::vector<std::int32_t> split_types;  // 1: categorical; may be empty
  std::vector<std::int32_t> categories, category_nodes, category_starts, category_sizes;
  std::size_t leaf_width = 1;
};
// Checks and renumbers, children after parents. category_words: of the model so far.
Result<trees::Tree> make_tree(const RawTree& raw, std::size_t& category_words);

}  // namespace tidemill::infer::xgboost
