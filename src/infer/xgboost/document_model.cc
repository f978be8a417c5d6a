#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "infer/xgboost/document.h"
#include "infer/xgboost/model_file.h"

namespace tidemill::infer::xgboost {
namespace {

constexpr std::size_t kBaseScoresMax = trees::kOutputsMax;

std::unexpected<Error> invalid(std::string what) { return fail(codes::kInvalid, std::move(what)); }

class Reader {
 public:
  explicit Reader(std::string_view bytes) : document_(open_document(bytes)) {}

  Result<ModelFile> read() {
    TRY(top());
    if (!seen_booster_) return invalid("the model has no gradient_booster");
    return std::move(file_);
  }

 private:
  // {"learner": .., "version": ..}, or a pickle's {"Config": .., "Model": <that>}.
  Result<void> top() {
    return document_->object([this](std::string_view key) -> Result<void> {
      if (key == "Model") return top();
      if (key == "learner") return learner();
      if (key == "version") return version();
      return document_->skip();
    });
  }

  Result<void> version() {
    std::vector<std::int32_t> numbers;
    TRY(document_->numbers(numbers));
    for (std::size_t i = 0; i < 2 && i < numbers.size(); ++i) file_.version[i] = numbers[i];
    return {};
  }

  Result<void> learner() {
    return document_->object([this](std::string_view key) -> Result<void> {
      if (key == "attributes") return attributes();
      if (key == "gradient_booster") return booster();
      if (key == "learner_model_param") return parameters();
      if (key == "objective") return objective();
      return document_->skip();
    });
  }

  Result<void> attributes() {
    return document_->object([this](std::string_view key) -> Result<void> {
      std::string* out = key == "best_iteration"     ? &file_.best_iteration
                         : key == "best_ntree_limit" ? &file_.best_tree_limit
                                                     : nullptr;
      if (!out || !document_->at_text()) return document_->skip();
      *out = TRY(document_->text());
      return {};
    });
  }

  Result<void> objective() {
    return document_->object([this](std::string_view key) -> Result<void> {
      if (key != "name") return document_->skip();
      file_.objective = TRY(document_->text());
      return {};
    });
  }

  // Parameters are written as text: {"num_class": "3"}.
  Result<void> parameters() {
    return document_->object([this](std::string_view key) -> Result<void> {
      if (key == "base_score") return base_score();
      if (key == "num_class") return size(file_.class_count, trees::kOutputsMax);
      if (key == "num_feature") return size(file_.feature_count, trees::kFeaturesMax);
      if (key == "num_target") return size(file_.target_count, trees::kOutputsMax);
      return document_->skip();
    });
  }

  Result<void> size(std::size_t& out, std::size_t limit) {
    const std::string text = TRY(document_->text());
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > limit)
      return invalid("a size of the model is '" + text.substr(0, 40) + "'");
    out = value;
    return {};
  }

  // "5E-1", or since 3.1 "[5E-1,2E-1]".
  Result<void> base_score() {
    const std::string text = TRY(document_->text());
    const char* at = text.c_str();
    if (*at == '[') ++at;
    while (file_.base_score.size() < kBaseScoresMax) {
      char* end = nullptr;
      const float value = std::strtof(at, &end);
      if (end == at) break;
      file_.base_score.push_back(value);
      at = end;
      if (*at != ',') break;
      ++at;
    }
    if (file_.base_score.empty() || (*at != '\0' && *at != ']'))
      return invalid("base_score is '" + text.substr(0, 40) + "'");
    return {};
  }

  // {"name": "gbtree", "model": ..}; dart has a gbtree inside.
  Result<void> booster() {
    seen_booster_ = true;
    return document_->object([this](std::string_view key) -> Result<void> {
      if (key == "name") {
        const std::string name = TRY(document_->text());
        if (file_.booster != "dart") file_.booster = name;
        return {};
      }
      if (key == "gbtree") {
        TRY(booster());
        file_.booster = "dart";
        return {};
      }
      if (key == "model") return model();
      if (key == "weight_drop") return document_->numbers(file_.tree_weights);
      return document_->skip();
    });
  }

  Result<void> model() {
    return document_->object([this](std::string_view key) -> Result<void> {
      if (key == "trees") return trees();
      if (key == "tree_info") return document_->numbers(file_.tree_outputs);
      if (key == "iteration_indptr") return document_->numbers(file_.round_starts);
      if (key == "weights") return document_->numbers(file_.linear_weights);
      if (key == "gbtree_model_param")
        return document_->object([this](std::string_view name) -> Result<void> {
          if (name != "num_parallel_tree") return document_->skip();
          return size(file_.parallel_trees, trees::kTreesMax);
        });
      return document_->skip();
    });
  }

  Result<void> trees() {
    return document_->array([this]() -> Result<void> {
      if (file_.trees.size() == trees::kTreesMax) return invalid("the model has too many trees");
      TRY(tree());
      Result<trees::Tree> made = make_tree(raw_, category_words_);
      if (!made)
        return invalid("tree " + std::to_string(file_.trees.size()) + ": " + made.error().message);
      nodes_ += made->nodes.size();
      if (nodes_ > trees::kNodesMax) return invalid("the model has too many nodes");
      file_.trees.push_back(std::move(*made));
      return {};
    });
  }

  Result<void> tree() {
    for (auto* list :
         {&raw_.left, &raw_.right, &raw_.features, &raw_.default_left, &raw_.split_types,
          &raw_.categories, &raw_.category_nodes, &raw_.category_starts, &raw_.category_sizes})
      list->clear();
    raw_.conditions.clear();
    raw_.leaf_vectors.clear();
    raw_.leaf_width = 1;
    raw_.packed_leaves = false;
    return document_->object([&](std::string_view key) -> Result<void> {
      if (key == "left_children") return document_->numbers(raw_.left);
      if (key == "right_children") return document_->numbers(raw_.right);
      if (key == "split_indices") return document_->numbers(raw_.features);
      if (key == "split_conditions") return document_->numbers(raw_.conditions);
      if (key == "default_left") return document_->numbers(raw_.default_left);
      if (key == "split_type") return document_->numbers(raw_.split_types);
      if (key == "categories") return document_->numbers(raw_.categories);
      if (key == "categories_nodes") return document_->numbers(raw_.category_nodes);
      if (key == "categories_segments") return document_->numbers(raw_.category_starts);
      if (key == "categories_sizes") return document_->numbers(raw_.category_sizes);
      // Vector leaves: base_weights of every node, or since 3.2 leaf_weights of the leaves.
      if (key == "leaf_weights") {
        raw_.packed_leaves = true;
        return document_->numbers(raw_.leaf_vectors);
      }
      if (key == "base_weights" && !raw_.packed_leaves)
        return document_->numbers(raw_.leaf_vectors);
      if (key == "tree_param")
        return document_->object([this](std::string_view name) -> Result<void> {
          if (name != "size_leaf_vector") return document_->skip();
          TRY(size(raw_.leaf_width, trees::kOutputsMax));
          raw_.leaf_width = std::max<std::size_t>(raw_.leaf_width, 1);
          return {};
        });
      return document_->skip();
    });
  }

  std::unique_ptr<Document> document_;
  ModelFile file_;
  RawTree raw_;  // its lists keep their memory from tree to tree
  std::size_t category_words_ = 0, nodes_ = 0;
  bool seen_booster_ = false;
};

}  // namespace

Result<ModelFile> read_document_model(std::string_view bytes) { return Reader(bytes).read(); }

}  // namespace tidemill::infer::xgboost
