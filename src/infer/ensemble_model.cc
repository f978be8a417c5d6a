#include "infer/ensemble_model.h"

#include <algorithm>

#include "infer/trees/kernel.h"

namespace tidemill::infer {
namespace {

// Margins of a block of rows are on the stack.
constexpr std::size_t kBlockMargins = trees::kOutputsMax;

class EnsembleModel final : public Model {
 public:
  EnsembleModel(std::unique_ptr<const trees::Kernel> kernel, const MarginTransform& transform,
                ModelFacts facts)
      : kernel_(std::move(kernel)), transform_(transform), facts_(std::move(facts)) {}

  Result<void> predict_rows(const float* rows, std::size_t count, float* out) const override {
    double margins[kBlockMargins];
    const std::size_t features = kernel_->feature_count(), outputs = kernel_->output_count();
    const std::size_t columns = output_columns(), block_rows = kBlockMargins / outputs;
    while (count > 0) {
      const std::size_t block = std::min(count, block_rows);
      kernel_->predict(rows, block, features, margins);
      for (std::size_t row = 0; row < block; ++row, out += columns) {
        double* const numbers = margins + row * outputs;
        trees::apply_transform(transform_.kind, numbers, outputs, numbers, transform_.scale);
        std::transform(numbers, numbers + columns, out,
                       [](double number) { return static_cast<float>(number); });
      }
      rows += block * features;
      count -= block;
    }
    return {};
  }
  std::size_t feature_count() const override { return kernel_->feature_count(); }
  std::size_t output_columns() const override {
    return trees::transformed_columns(transform_.kind, kernel_->output_count());
  }
  const std::string& objective() const override { return facts_.objective; }
  std::size_t class_count() const override { return facts_.class_count; }
  std::size_t memory_bytes() const override { return kernel_->memory_bytes(); }

 private:
  const std::unique_ptr<const trees::Kernel> kernel_;
  const MarginTransform transform_;
  const ModelFacts facts_;
};

}  // namespace

Result<std::unique_ptr<Model>> make_ensemble_model(const trees::Ensemble& ensemble,
                                                   const MarginTransform& transform,
                                                   ModelFacts facts) {
  if (ensemble.feature_count == 0) return fail(codes::kInvalid, "the model has no features");
  std::unique_ptr<const trees::Kernel> kernel = TRY(trees::compile(ensemble));
  return std::unique_ptr<Model>(
      std::make_unique<EnsembleModel>(std::move(kernel), transform, std::move(facts)));
}

}  // namespace tidemill::infer
