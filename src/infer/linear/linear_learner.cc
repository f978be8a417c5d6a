#include "infer/linear/linear_learner.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "infer/linear/ndarray.h"
#include "infer/value_number.h"

namespace tidemill::infer::linear {
namespace {

constexpr std::size_t kFeaturesMax = 1u << 20, kOutputsMax = 1u << 16;

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

enum class Kind { regressor, binary, multiclass };

class LinearLearner final : public Model {
 public:
  LinearLearner(Kind kind, Weights weights, float threshold)
      : kind_(kind), weights_(std::move(weights)), threshold_(threshold) {
    shape_.fields.push_back({"score", 0, weights_.outputs, kind == Kind::multiclass});
    if (kind != Kind::regressor)
      shape_.fields.push_back({"predicted_label", weights_.outputs, 1, false, true});
    objective_ = kind == Kind::regressor ? "reg:squarederror"
                 : kind == Kind::binary  ? "binary:logistic"
                                         : "multi:softprob";
  }

  Result<void> predict_rows(const float* rows, std::size_t count, float* out) const override {
    for (std::size_t row = 0; row < count; ++row) {
      multiply(weights_, rows, out);
      if (kind_ == Kind::binary) {
        out[0] = 1.0f / (1.0f + std::exp(-out[0]));
        out[1] = out[0] > threshold_ ? 1.0f : 0.0f;
      }
      if (kind_ == Kind::multiclass) softmax(out);
      rows += weights_.features;
      out += output_columns();
    }
    return {};
  }
  std::size_t feature_count() const override { return weights_.features; }
  std::size_t output_columns() const override {
    return weights_.outputs + (kind_ == Kind::regressor ? 0 : 1);
  }
  const std::string& objective() const override { return objective_; }
  std::size_t class_count() const override {
    return kind_ == Kind::multiclass ? weights_.outputs : 0;
  }
  const AnswerShape* answer_shape() const override { return &shape_; }
  std::size_t memory_bytes() const override {
    return sizeof *this + weights_.values.size() * sizeof(float);
  }

 private:
  void softmax(float* scores) const {
    const std::size_t count = weights_.outputs;
    const float* largest = std::max_element(scores, scores + count);
    const float top = *largest;
    scores[count] = static_cast<float>(largest - scores);  // the label
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += scores[i] = std::exp(scores[i] - top);
    for (std::size_t i = 0; i < count; ++i) scores[i] /= static_cast<float>(sum);
  }

  const Kind kind_;
  const Weights weights_;
  const float threshold_;
  AnswerShape shape_;
  std::string objective_;
};

std::string text_of(const Value& document, const char* name) {
  const Value* found = document.find(name);
  const std::string* text = found ? found->as_string() : nullptr;
  return text ? *text : std::string();
}

// Whether the network multiplies with "dot" (weights are features x outputs) or with
// "FullyConnected" (weights are outputs x features).
Result<bool> weights_by_feature(const Value& symbol) {
  const Value* found = symbol.find("nodes");
  const ValueList* nodes = found ? found->as_list() : nullptr;
  if (!nodes) return wrong("mx-mod-symbol.json has no nodes");
  for (const Value& node : *nodes) {
    const std::string operation = text_of(node, "op");
    if (operation == "dot") return true;
    if (operation == "FullyConnected") return false;
  }
  return wrong("mx-mod-symbol.json has neither dot nor FullyConnected");
}

Result<Weights> read_weights(const std::string& params, bool by_feature) {
  const std::vector<NamedArray> arrays = TRY(read_arrays(params));
  const NamedArray *weight = nullptr, *bias = nullptr;
  for (const NamedArray& array : arrays) {
    if (array.name == "arg:fc0_weight") weight = &array;
    if (array.name == "arg:fc0_bias") bias = &array;
  }
  if (!weight || weight->shape.size() != 2 || weight->values.empty())
    return wrong("mx-mod-0000.params has no matrix fc0_weight");
  Weights out;
  out.features = weight->shape[by_feature ? 0 : 1];
  out.outputs = weight->shape[by_feature ? 1 : 0];
  if (out.features > kFeaturesMax || out.outputs > kOutputsMax)
    return wrong("fc0_weight is larger than is read");
  if (bias && bias->values.size() != out.outputs)
    return wrong("fc0_weight and fc0_bias do not fit");
  if (bias) out.bias = bias->values;
  out.values.resize(weight->values.size());
  for (std::size_t output = 0; output < out.outputs; ++output)
    for (std::size_t feature = 0; feature < out.features; ++feature)
      out.values[output * out.features + feature] =
          by_feature ? weight->values[feature * out.outputs + output]
                     : weight->values[output * out.features + feature];
  return out;
}

// predictor_type and loss_type tell the meaning of the scores. No public documentation gives the
// scale of hinge losses' scores.
Result<Kind> kind_of(const Value& settings) {
  const std::string predictor = text_of(settings, "predictor_type");
  const std::string loss = text_of(settings, "loss_type");
  if (loss.find("hinge") != std::string::npos)
    return wrong("linear-learner's hinge loss is not known well enough to answer as it does");
  if (predictor == "regressor") return Kind::regressor;
  if (predictor == "binary_classifier") return Kind::binary;
  if (predictor == "multiclass_classifier") return Kind::multiclass;
  return wrong("linear-learner's predictor_type '" + predictor.substr(0, 64) + "' is not known");
}

}  // namespace

void multiply(const Weights& weights, const float* row, float* out) {
  const float* weight = weights.values.data();
  for (std::size_t output = 0; output < weights.outputs; ++output) {
    double sum = weights.bias.empty() ? 0 : static_cast<double>(weights.bias[output]);
    if (weights.center.empty())
      for (std::size_t i = 0; i < weights.features; ++i)
        sum += static_cast<double>(row[i]) * static_cast<double>(*weight++);
    else
      for (std::size_t i = 0; i < weights.features; ++i)
        sum += (static_cast<double>(row[i]) - static_cast<double>(weights.center[i])) *
               static_cast<double>(*weight++);
    out[output] = static_cast<float>(sum);
  }
}

Result<std::unique_ptr<Model>> load_linear_learner(
    const std::map<std::string, std::string>& files) {
  for (const char* name : {"mx-mod-symbol.json", "mx-mod-0000.params", "additional-params.json"})
    if (!files.contains(name))
      return wrong(files.contains("symbol.json") && files.contains("params")
                       ? std::string("a model of factorization-machines, which is not read")
                       : std::string("the archive has no ") + name +
                             ", so it is not a linear-learner model");
  const Value symbol = TRY(parse_json(files.at("mx-mod-symbol.json")));
  const Value settings = TRY(parse_json(files.at("additional-params.json")));
  const Kind kind = TRY(kind_of(settings));
  const bool by_feature = TRY(weights_by_feature(symbol));
  Weights weights = TRY(read_weights(files.at("mx-mod-0000.params"), by_feature));
  if ((weights.outputs == 1) != (kind != Kind::multiclass))
    return wrong("fc0_weight does not fit the predictor_type");
  const double threshold = number_or_nan(settings.find("threshold"));
  return std::unique_ptr<Model>(std::make_unique<LinearLearner>(
      kind, std::move(weights), std::isnan(threshold) ? 0.5f : static_cast<float>(threshold)));
}

}  // namespace tidemill::infer::linear
