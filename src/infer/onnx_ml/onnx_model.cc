#include "infer/onnx_ml/onnx_model.h"

#include <algorithm>
#include <cmath>

#include "infer/model_file.h"
#include "infer/onnx_ml/pipeline.h"

namespace tidemill::infer::onnx_ml {
namespace {

constexpr std::size_t kModelBytesMax = std::size_t{2} << 30;  // protobuf's own limit
constexpr std::size_t kBlockRows = 256;
// A row with more multiplications indicates a neural model: ONNX Runtime is faster there.
constexpr std::size_t kMultiplicationsPerRowMax = 1u << 18;
constexpr std::size_t kColumnsMax = 1u << 16;

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

class OnnxModel final : public Model {
 public:
  explicit OnnxModel(Pipeline pipeline) : pipeline_(std::move(pipeline)) {}

  // Learns the answer's width and kind from predictions of rows made for it.
  Result<void> probe();
  Result<void> predict_rows(const float* rows, std::size_t count, float* out) const override;
  std::size_t feature_count() const override { return pipeline_.feature_count(); }
  std::size_t output_columns() const override { return second_only_ ? 1 : columns_; }
  const std::string& objective() const override { return objective_; }
  std::size_t class_count() const override { return class_count_; }
  std::size_t memory_bytes() const override { return sizeof *this + pipeline_.memory_bytes(); }

 private:
  // count rows of columns_ numbers.
  Result<std::vector<float>> answers(const float* rows, std::size_t count) const;
  Result<void> check_rows_are_apart(const std::vector<float>& rows, std::size_t count);
  void tell_kind(const std::vector<float>& scores);

  const Pipeline pipeline_;
  std::size_t columns_ = 0;
  bool second_only_ = false;  // of two probabilities
  std::string objective_ = "reg:squarederror";
  std::size_t class_count_ = 0;
};

Result<std::vector<float>> OnnxModel::answers(const float* rows, std::size_t count) const {
  if (const TreeScores* trees = pipeline_.only_trees()) {
    std::vector<float> out(count * trees->columns());
    trees->predict(rows, count, pipeline_.feature_count(), out.data());
    return out;
  }
  Tensor tensor = TRY(pipeline_.run(rows, count));
  if (tensor.floats.empty() || tensor.floats.size() % count != 0 ||
      (columns_ != 0 && tensor.floats.size() != count * columns_))
    return wrong("the output has the shape " + shape_text(tensor.shape) + " for " +
                 std::to_string(count) + " rows");
  return std::move(tensor.floats);
}

// A graph that mixes rows (their mean, a fixed number of them) cannot be served in batches.
Result<void> OnnxModel::check_rows_are_apart(const std::vector<float>& rows, std::size_t count) {
  const std::size_t features = pipeline_.feature_count();
  const std::vector<float> together = TRY(answers(rows.data(), count));
  if (const std::size_t per_row = multiplications_done() / count;
      !pipeline_.only_trees() && per_row > kMultiplicationsPerRowMax)
    return wrong("a row costs " + std::to_string(per_row) +
                 " multiplications, which is a neural model's size");
  columns_ = together.size() / count;
  if (columns_ > kColumnsMax) return wrong("the answer is wider than is served");
  for (std::size_t row = 0; row < count; ++row) {
    const std::vector<float> alone = TRY(answers(rows.data() + row * features, 1));
    for (std::size_t i = 0; i < columns_; ++i) {
      const float expected = together[row * columns_ + i];
      if (alone[i] != expected && !(std::isnan(alone[i]) && std::isnan(expected)))
        return wrong("a row's answer depends on the other rows of the request");
    }
  }
  tell_kind(together);
  return {};
}

void OnnxModel::tell_kind(const std::vector<float>& scores) {
  if (!pipeline_.has_labels() || columns_ < 2) return;
  constexpr float kTolerance = 1e-3f;
  bool probabilities = true;
  for (std::size_t at = 0; at < scores.size(); at += columns_) {
    float sum = 0;
    for (std::size_t i = 0; i < columns_; ++i) {
      const float score = scores[at + i];
      probabilities = probabilities && score >= -kTolerance && score <= 1 + kTolerance;
      sum += score;
    }
    probabilities = probabilities && std::abs(sum - 1) <= kTolerance;
  }
  second_only_ = probabilities && columns_ == 2;
  // Scores that are not probabilities (such as support vectors') are returned unchanged.
  objective_ = !probabilities ? "onnx:scores" : second_only_ ? "binary:logistic" : "multi:softprob";
  if (probabilities && !second_only_) class_count_ = columns_;
}

Result<void> OnnxModel::probe() {
  constexpr float kNumbers[] = {0.0f, 1.0f, -1.0f, 0.5f};
  const std::size_t features = pipeline_.feature_count(), count = std::size(kNumbers);
  std::vector<float> rows;
  for (float number : kNumbers) rows.insert(rows.end(), features, number);
  rows_are_made_up() = true;
  Result<void> apart = check_rows_are_apart(rows, count);
  rows_are_made_up() = false;
  return apart;
}

Result<void> OnnxModel::predict_rows(const float* rows, std::size_t count, float* out) const {
  const std::size_t features = pipeline_.feature_count();
  while (count > 0) {
    const std::size_t block = std::min(count, kBlockRows);
    const std::vector<float> scores = TRY(answers(rows, block));
    for (std::size_t row = 0; row < block; ++row) {
      const float* first = scores.data() + row * columns_;
      out = second_only_ ? std::copy_n(first + 1, 1, out) : std::copy_n(first, columns_, out);
    }
    rows += block * features;
    count -= block;
  }
  return {};
}

}  // namespace

bool looks_like_model(std::string_view head) {
  // ir_version (field 1, a small number), then the producer's name, its version, the domain, the
  // model's version, notes, the graph or the operator sets.
  constexpr char kVersionMax = 32;
  constexpr std::string_view kNext = "\x12\x1a\x22\x28\x32\x3a\x42";
  return head.size() > 2 && head[0] == '\x08' && head[1] > 0 && head[1] < kVersionMax &&
         kNext.find(head[2]) != std::string_view::npos;
}

Result<std::unique_ptr<Model>> load_model(std::string_view bytes) {
  const Graph graph = TRY(read_graph(bytes));
  auto model = std::make_unique<OnnxModel>(TRY(Pipeline::make(graph)));
  TRY(model->probe());
  return std::unique_ptr<Model>(std::move(model));
}

Result<void> supported(const std::string& path) {
  const std::string bytes = TRY(read_model_file(path, kModelBytesMax));
  TRY(load_model(bytes));
  return {};
}

}  // namespace tidemill::infer::onnx_ml
