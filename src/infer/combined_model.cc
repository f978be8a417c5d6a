#include "infer/combined_model.h"

#include <algorithm>
#include <array>

#include "infer/trees/ensemble.h"

namespace tidemill::infer {
namespace {

// One model's numbers for a block of rows are on the stack.
constexpr std::size_t kBlockNumbers = trees::kOutputsMax;

class CombinedModel final : public Model {
 public:
  explicit CombinedModel(std::vector<std::unique_ptr<Model>> models)
      : models_(std::move(models)),
        votes_(first().objective() == "multi:softmax" || first().objective() == "binary:hinge") {}

  Result<void> predict_rows(const float* rows, std::size_t count, float* out) const override {
    return votes_ ? vote(rows, count, out) : average(rows, count, out);
  }
  std::size_t feature_count() const override { return first().feature_count(); }
  std::size_t columns_min() const override { return first().columns_min(); }
  std::size_t output_columns() const override { return first().output_columns(); }
  const std::string& objective() const override { return first().objective(); }
  std::size_t class_count() const override { return first().class_count(); }
  std::size_t memory_bytes() const override {
    std::size_t bytes = sizeof *this;
    for (const auto& model : models_) bytes += model->memory_bytes();
    return bytes;
  }

 private:
  const Model& first() const { return *models_.front(); }

  Result<void> average(const float* rows, std::size_t count, float* out) const {
    std::array<float, kBlockNumbers> block;
    const std::size_t columns = output_columns(), block_rows = kBlockNumbers / columns;
    for (std::size_t at = 0; at < count; at += block_rows) {
      const std::size_t here = std::min(block_rows, count - at), numbers = here * columns;
      const float* const block_of_rows = rows + at * feature_count();
      float* const sums = out + at * columns;
      TRY(first().predict_rows(block_of_rows, here, sums));
      for (std::size_t model = 1; model < models_.size(); ++model) {
        TRY(models_[model]->predict_rows(block_of_rows, here, block.data()));
        for (std::size_t i = 0; i < numbers; ++i) sums[i] += block[i];
      }
      for (std::size_t i = 0; i < numbers; ++i) sums[i] /= static_cast<float>(models_.size());
    }
    return {};
  }

  // The labels of a row, sorted: the longest run wins, the first one if several tie.
  Result<void> vote(const float* rows, std::size_t count, float* out) const {
    std::array<float, kCombinedModelsMax> labels;
    const auto end = labels.begin() + static_cast<std::ptrdiff_t>(models_.size());
    for (std::size_t row = 0; row < count; ++row, rows += feature_count()) {
      for (std::size_t model = 0; model < models_.size(); ++model)
        TRY(models_[model]->predict_rows(rows, 1, &labels[model]));
      std::sort(labels.begin(), end);
      std::ptrdiff_t most = 0;
      for (auto run = labels.begin(); run != end;) {
        const auto next = std::upper_bound(run, end, *run);
        if (next - run > most) out[row] = *run;
        most = std::max(most, next - run);
        run = next;
      }
    }
    return {};
  }

  const std::vector<std::unique_ptr<Model>> models_;
  const bool votes_;
};

}  // namespace

Result<std::unique_ptr<Model>> combine_models(std::vector<std::unique_ptr<Model>> models) {
  if (models.size() > kCombinedModelsMax)
    return fail(codes::kInvalid, "the archive has " + std::to_string(models.size()) +
                                     " boosters; at most " + std::to_string(kCombinedModelsMax) +
                                     " are combined");
  const Model& first = *models.front();
  for (const auto& model : models)
    if (model->feature_count() != first.feature_count() ||
        model->output_columns() != first.output_columns())
      return fail(codes::kInvalid, "the boosters of the archive differ: one has " +
                                       std::to_string(first.feature_count()) + " features and " +
                                       std::to_string(first.output_columns()) +
                                       " outputs, another " +
                                       std::to_string(model->feature_count()) + " and " +
                                       std::to_string(model->output_columns()));
  return std::unique_ptr<Model>(std::make_unique<CombinedModel>(std::move(models)));
}

}  // namespace tidemill::infer
