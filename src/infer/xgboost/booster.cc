#include "infer/xgboost/booster.h"

#include <algorithm>
#include <cmath>

#include "infer/model_file.h"
#include "infer/xgboost/objective.h"
#include "infer/xgboost/pickle.h"

namespace tidemill::infer::xgboost {
namespace {

// Margins on the stack, when a row's outputs become fewer numbers.
constexpr std::size_t kMarginsMax = trees::kOutputsMax;

std::unexpected<Error> invalid(std::string what) { return fail(codes::kInvalid, std::move(what)); }

// A derived class computes margins, then the objective's transform is applied.
class Booster : public Model {
 public:
  Booster(const ModelFile& file, Objective objective, bool pickled)
      : objective_name_(file.objective),
        transform_(objective.transform),
        feature_count_(file.feature_count),
        class_count_(file.class_count),
        outputs_(file.output_count()),
        pickled_(pickled) {}

  Result<void> predict_rows(const float* rows, std::size_t count, float* out) const final {
    if (output_columns() == outputs_) {
      margins(rows, count, out);
      if (transform_ == trees::Transform::identity) return {};
      for (std::size_t row = 0; row < count; ++row, out += outputs_)
        trees::apply_transform(transform_, out, outputs_, out);
      return {};
    }
    float block[kMarginsMax];
    const std::size_t columns = output_columns(), block_rows = kMarginsMax / outputs_;
    for (std::size_t first = 0; first < count; first += block_rows) {
      const std::size_t here = std::min(block_rows, count - first);
      margins(rows + first * feature_count_, here, block);
      for (std::size_t row = 0; row < here; ++row)
        trees::apply_transform(transform_, block + row * outputs_, outputs_,
                               out + (first + row) * columns);
    }
    return {};
  }
  std::size_t feature_count() const final { return feature_count_; }
  // XGBoost treats columns that a row lacks as missing; for a pickled model, whose feature names
  // the container compares with the request's, one may be missing.
  std::size_t columns_min() const final {
    return pickled_ && feature_count_ > 1 ? feature_count_ - 1 : 1;
  }
  bool combines() const final { return true; }
  std::size_t output_columns() const final {
    return trees::transformed_columns(transform_, outputs_);
  }
  const std::string& objective() const final { return objective_name_; }
  std::size_t class_count() const final { return class_count_; }

 protected:
  virtual void margins(const float* rows, std::size_t count, float* out) const = 0;

 private:
  std::string objective_name_;
  trees::Transform transform_;
  std::size_t feature_count_, class_count_, outputs_;
  bool pickled_;
};

class TreeBooster final : public Booster {
 public:
  TreeBooster(const ModelFile& file, Objective objective, bool pickled,
              std::unique_ptr<const trees::Kernel> kernel)
      : Booster(file, objective, pickled), kernel_(std::move(kernel)) {}
  std::size_t memory_bytes() const override { return sizeof *this + kernel_->memory_bytes(); }

 protected:
  void margins(const float* rows, std::size_t count, float* out) const override {
    kernel_->predict(rows, count, kernel_->feature_count(), out);
  }

 private:
  std::unique_ptr<const trees::Kernel> kernel_;
};

class LinearBooster final : public Booster {
 public:
  LinearBooster(const ModelFile& file, Objective objective, bool pickled, std::vector<float> base)
      : Booster(file, objective, pickled), weights_(file.linear_weights), base_(std::move(base)) {}
  std::size_t memory_bytes() const override {
    return sizeof *this + weights_.capacity() * sizeof(float);
  }

 protected:
  // In XGBoost's order: the bias and base margin, then each present feature.
  void margins(const float* rows, std::size_t count, float* out) const override {
    const std::size_t features = feature_count(), outputs = base_.size();
    const float* biases = weights_.data() + features * outputs;
    for (std::size_t row = 0; row < count; ++row, rows += features, out += outputs)
      for (std::size_t output = 0; output < outputs; ++output) {
        float sum = biases[output] + base_[output];
        for (std::size_t feature = 0; feature < features; ++feature)
          if (!std::isnan(rows[feature]))
            sum += rows[feature] * weights_[feature * outputs + output];
        out[output] = sum;
      }
  }

 private:
  std::vector<float> weights_;
  std::vector<float> base_;
};

Result<std::unique_ptr<Model>> make_linear(const ModelFile& file, Objective objective,
                                           bool pickled) {
  const std::size_t outputs = file.output_count();
  if (file.feature_count == 0) return invalid("the model has no features");
  if (file.linear_weights.size() != (file.feature_count + 1) * outputs)
    return invalid("the model's weights are not one a feature and output");
  ModelFile margins;
  margins.objective = file.objective;
  margins.base_score = file.base_score;
  margins.base_is_margin = file.base_is_margin;
  margins.class_count = file.class_count;
  margins.target_count = file.target_count;
  const trees::Ensemble ensemble = TRY(make_ensemble(std::move(margins)));
  // From a vector of base scores (3.1 and later) the linear booster adds the first to every output.
  const std::vector<float> base(outputs, static_cast<float>(ensemble.base[0]));
  return std::make_unique<LinearBooster>(file, objective, pickled, base);
}

}  // namespace

Result<std::unique_ptr<Model>> read_booster(std::string_view bytes,
                                            const trees::CompileOptions& options) {
  std::string decoded;
  const Result<std::string_view> pickled = find_pickled_booster(bytes, decoded);
  ModelFile file = TRY(read_model_file(pickled ? *pickled : bytes));
  const std::optional<Objective> objective = find_objective(file.objective);
  if (!objective)
    return invalid("the objective '" + file.objective.substr(0, 100) + "' is not known");
  if (file.booster == "gblinear") return make_linear(file, *objective, pickled.has_value());
  if (file.booster != "gbtree" && file.booster != "dart")
    return invalid("the booster '" + file.booster.substr(0, 100) + "' is not known");
  ModelFile facts;
  facts.objective = file.objective;
  facts.feature_count = file.feature_count;
  facts.class_count = file.class_count;
  facts.target_count = file.target_count;
  if (file.feature_count == 0) return invalid("the model has no features");
  const trees::Ensemble ensemble = TRY(make_ensemble(std::move(file)));
  return std::make_unique<TreeBooster>(facts, *objective, pickled.has_value(),
                                       TRY(trees::compile(ensemble, options)));
}

Result<std::unique_ptr<Model>> load_booster(const std::string& path,
                                            const trees::CompileOptions& options) {
  const std::string bytes = TRY(infer::read_model_file(path, kModelFileBytesMax));
  return read_booster(bytes, options);
}

}  // namespace tidemill::infer::xgboost
