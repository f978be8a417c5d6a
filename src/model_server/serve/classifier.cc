#include "model_server/serve/classifier.h"

#include <cmath>
#include <cstring>

#include "model_server/serve/batcher.h"

namespace tidemill::model_server {
namespace {

float element(const Tensor& tensor, std::size_t at) {
  return with_element(tensor.type, [&](auto value) {
    std::memcpy(&value, tensor.data.data() + at * sizeof value, sizeof value);
    return static_cast<float>(value);
  });
}

// The facts that encode_predictions() needs about a model.
class Told final : public infer::Model {
 public:
  Told(const Classifier& classifier, std::size_t columns)
      : classifier_(classifier), columns_(columns) {}
  Result<void> predict_rows(const float*, std::size_t, float*) const override { return {}; }
  std::size_t feature_count() const override { return 0; }
  std::size_t output_columns() const override { return columns_; }
  const std::string& objective() const override { return classifier_.objective; }
  std::size_t class_count() const override { return columns_ > 1 ? columns_ : 0; }
  std::size_t memory_bytes() const override { return 0; }

 private:
  const Classifier& classifier_;
  const std::size_t columns_;
};

// Numbers between 0 and 1 whose sum is 1.
bool are_probabilities(const Tensor& row) {
  constexpr float kTolerance = 1e-3f;  // as in infer/onnx_ml/
  float sum = 0;
  for (std::size_t i = 0; i < row.count(); ++i) {
    const float number = element(row, i);
    if (!(number >= -kTolerance && number <= 1 + kTolerance)) return false;
    sum += number;
  }
  return std::abs(sum - 1) <= kTolerance;
}

}  // namespace

std::optional<Classifier> find_classifier(Runner& runner) {
  if (!runner.has_labels()) return {};
  Classifier found;
  const auto& outputs = runner.outputs();
  const auto real = [](const TensorSpec& spec) {
    return spec.type == ElementType::float32 || spec.type == ElementType::float64;
  };
  while (found.output < outputs.size() && !real(outputs[found.output])) ++found.output;
  if (found.output == outputs.size()) return {};
  bool probabilities = true;
  for (const bool second : {false, true}) {
    Result<Tensors> row = trial_row(runner.inputs(), second);
    if (!row) return {};
    const Result<Tensors> answer = runner.run(*row);
    if (!answer) return {};
    const Tensor& scores = (*answer)[found.output];
    if (scores.shape.empty() || scores.shape[0] != 1 || scores.count() == 0) return {};
    found.columns = scores.count();
    probabilities = probabilities && found.columns > 1 && are_probabilities(scores);
  }
  found.second_only = probabilities && found.columns == 2;
  found.objective = !probabilities      ? "onnx:scores"
                    : found.second_only ? "binary:logistic"
                                        : "multi:softprob";
  return found;
}

Result<infer::EncodedResponse> encode_scores(const Classifier& classifier, const Tensors& outputs,
                                             std::string_view accept,
                                             const infer::ResponseOptions& options) {
  const Tensor& scores = outputs.at(classifier.output);
  const std::size_t columns = classifier.second_only ? 1 : classifier.columns;
  if (scores.count() % classifier.columns != 0)
    return fail("InternalServerException", "the model's scores are not one row a row", 500);
  infer::Predictions predictions{scores.count() / classifier.columns, columns, {}};
  predictions.values.reserve(predictions.rows * columns);
  const std::size_t step = classifier.second_only ? 2 : 1;
  for (std::size_t at = step - 1; at < scores.count(); at += step)
    predictions.values.push_back(element(scores, at));
  return infer::encode_predictions(predictions, Told(classifier, columns), accept, options);
}

}  // namespace tidemill::model_server
