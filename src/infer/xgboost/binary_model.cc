// XGBoost's first format: structs as they lie in memory, little-endian, lengths of eight bytes.
#include <algorithm>
#include <cstring>

#include "infer/xgboost/model_file.h"

namespace tidemill::infer::xgboost {
namespace {

constexpr std::uint64_t kNameBytesMax = 1024;
constexpr std::uint64_t kAttributeBytesMax = 1u << 20;
constexpr std::uint64_t kAttributesMax = 65536;
constexpr std::uint32_t kDefaultLeft = 1u << 31;  // of a node's feature

// LearnerModelParamLegacy: 136 bytes.
struct LearnerParameters {
  float base_score;
  std::uint32_t feature_count;
  std::int32_t class_count;
  std::int32_t has_attributes, has_metrics;
  std::uint32_t major_version, minor_version;
  std::uint32_t target_count;  // since 1.6; 0 before
  std::int32_t reserved[26];
};
static_assert(sizeof(LearnerParameters) == 136);

// GBTreeModelParam: 160 bytes.
struct TreesParameters {
  std::int32_t trees, parallel_trees, deprecated_features, padding;
  std::int64_t deprecated_buffers;
  std::int32_t deprecated_outputs, leaf_vector;
  std::int32_t reserved[32];
};
static_assert(sizeof(TreesParameters) == 160);

// TreeParam: 148 bytes.
struct TreeParameters {
  std::int32_t deprecated_roots, nodes, deleted, deprecated_depth, features, leaf_vector;
  std::int32_t reserved[31];
};
static_assert(sizeof(TreeParameters) == 148);

struct BinaryNode {
  std::int32_t parent, left, right;
  std::uint32_t feature;
  float value;
};
static_assert(sizeof(BinaryNode) == 20);
constexpr std::size_t kNodeStatisticsBytes = 16;
constexpr std::size_t kLinearParametersBytes = 136;

std::unexpected<Error> invalid(const char* what) {
  return fail(codes::kInvalid, std::string("the binary model ") + what);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {
    if (left_.starts_with("binf")) left_.remove_prefix(4);
  }

  Result<ModelFile> read() {
    const auto learner = TRY(read_struct<LearnerParameters>());
    if (learner.feature_count > trees::kFeaturesMax || learner.class_count < 0 ||
        learner.class_count > static_cast<std::int32_t>(trees::kOutputsMax) ||
        learner.target_count > trees::kOutputsMax)
      return invalid("has sizes out of range");
    file_.base_score = {learner.base_score};
    file_.version[0] = static_cast<int>(learner.major_version & 0xffff);
    file_.version[1] = static_cast<int>(learner.minor_version & 0xffff);
    file_.base_is_margin = learner.major_version < 1;
    file_.feature_count = learner.feature_count;
    file_.class_count = static_cast<std::size_t>(learner.class_count);
    file_.target_count = std::max<std::size_t>(1, learner.target_count);
    file_.objective = std::string(TRY(read_bytes(kNameBytesMax)));
    file_.booster = std::string(TRY(read_bytes(kNameBytesMax)));
    if (file_.booster == "gblinear")
      TRY(read_linear());
    else if (file_.booster == "gbtree" || file_.booster == "dart")
      TRY(read_trees());
    else
      return invalid("names no booster");
    if (learner.has_attributes != 0) TRY(read_attributes());
    return std::move(file_);
  }

 private:
  template <class T>
  Result<T> read_struct() {
    if (left_.size() < sizeof(T)) return invalid("ends early");
    T value;
    std::memcpy(&value, left_.data(), sizeof value);
    left_.remove_prefix(sizeof value);
    return value;
  }
  Result<std::string_view> read_bytes(std::uint64_t limit) {
    const auto length = TRY(read_struct<std::uint64_t>());
    if (length > limit || length > left_.size()) return invalid("has a string that is too long");
    const std::string_view found = left_.substr(0, length);
    left_.remove_prefix(length);
    return found;
  }
  template <class T>
  Result<void> read_array(std::vector<T>& out, std::uint64_t count) {
    if (count > left_.size() / sizeof(T)) return invalid("ends early");
    out.resize(count);
    if (count > 0) std::memcpy(out.data(), left_.data(), count * sizeof(T));
    left_.remove_prefix(count * sizeof(T));
    return {};
  }

  Result<void> read_linear() {
    if (left_.size() < kLinearParametersBytes) return invalid("ends early");
    left_.remove_prefix(kLinearParametersBytes);
    return read_array(file_.linear_weights, TRY(read_struct<std::uint64_t>()));
  }

  Result<void> read_trees() {
    const auto parameters = TRY(read_struct<TreesParameters>());
    if (parameters.trees < 0 || parameters.trees > static_cast<std::int32_t>(trees::kTreesMax))
      return invalid("has too many trees");
    const bool says_parallel =
        file_.version[0] > 1 || (file_.version[0] == 1 && file_.version[1] > 5);
    if (says_parallel && parameters.parallel_trees > 0)
      file_.parallel_trees = static_cast<std::size_t>(parameters.parallel_trees);
    for (std::int32_t i = 0; i < parameters.trees; ++i) TRY(read_tree());
    const auto count = static_cast<std::uint64_t>(parameters.trees);
    TRY(read_array(file_.tree_outputs, count));
    if (file_.booster == "dart" && count > 0) {
      const auto weights = TRY(read_struct<std::uint64_t>());
      TRY(read_array(file_.tree_weights, weights));
    }
    return {};
  }

  Result<void> read_tree() {
    const auto parameters = TRY(read_struct<TreeParameters>());
    if (parameters.nodes <= 0 ||
        parameters.nodes > static_cast<std::int32_t>(trees::kNodesPerTreeMax))
      return invalid("has a tree of no nodes, or too many");
    const auto count = static_cast<std::size_t>(parameters.nodes);
    TRY(read_array(nodes_, count));
    if (left_.size() / kNodeStatisticsBytes < count) return invalid("ends early");
    left_.remove_prefix(count * kNodeStatisticsBytes);
    for (auto* list : {&raw_.left, &raw_.right, &raw_.features, &raw_.default_left})
      list->resize(count);
    raw_.conditions.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      raw_.left[i] = nodes_[i].left;
      raw_.right[i] = nodes_[i].right;
      raw_.features[i] = static_cast<std::int32_t>(nodes_[i].feature & ~kDefaultLeft);
      raw_.default_left[i] = (nodes_[i].feature & kDefaultLeft) != 0;
      raw_.conditions[i] = nodes_[i].value;
    }
    std::size_t no_categories = 0;
    file_.trees.push_back(TRY(make_tree(raw_, no_categories)));
    return {};
  }

  Result<void> read_attributes() {
    const auto count = TRY(read_struct<std::uint64_t>());
    if (count > kAttributesMax) return invalid("has too many attributes");
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string_view key = TRY(read_bytes(kNameBytesMax));
      const std::string_view value = TRY(read_bytes(kAttributeBytesMax));
      if (key == "best_iteration") file_.best_iteration = value;
      if (key == "best_ntree_limit") file_.best_tree_limit = value;
    }
    return {};
  }

  std::string_view left_;
  ModelFile file_;
  std::vector<BinaryNode> nodes_;
  RawTree raw_;
};

}  // namespace

Result<ModelFile> read_binary_model(std::string_view bytes) { return Reader(bytes).read(); }

Result<ModelFile> read_model_file(std::string_view bytes) {
  // A booster that 1.0 to 1.5 serialized: the length of a binary model, that model, JSON.
  constexpr std::string_view kSerialized = "CONFIG-offset:";
  if (bytes.starts_with(kSerialized)) {
    bytes.remove_prefix(kSerialized.size());
    std::uint64_t length = 0;
    if (bytes.size() < sizeof length) return invalid("ends early");
    std::memcpy(&length, bytes.data(), sizeof length);
    bytes.remove_prefix(sizeof length);
    if (length > bytes.size()) return invalid("ends early");
    return read_binary_model(bytes.substr(0, length));
  }
  return bytes.starts_with('{') ? read_document_model(bytes) : read_binary_model(bytes);
}

std::size_t ModelFile::output_count() const {
  return std::max({class_count, target_count, std::size_t{1}});
}

}  // namespace tidemill::infer::xgboost
