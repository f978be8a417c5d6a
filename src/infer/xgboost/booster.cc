#include "infer/xgboost/booster.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <optional>
#include <sstream>

#include "base/json.h"
#include "base/log.h"
#include "infer/trees/ensemble.h"
#include "infer/trees/forest.h"
#include "infer/xgboost/library.h"
#include "infer/xgboost/newer_models.h"
#include "infer/xgboost/pickle.h"

namespace tidemill::infer::xgboost {
namespace {

// JSON of a model, as Values, takes some ten times its text while it is read.
constexpr bst_ulong kForestJsonBytesMax = 64u << 20;
constexpr std::size_t kProbeRows = 256;
constexpr float kProbeTolerance = 1e-5f;

// A row-major float matrix in NumPy's array interface, which XGBoost takes as JSON.
std::string array_interface(const float* rows, std::size_t count, std::size_t columns) {
  char text[160];
  int length = std::snprintf(
      text, sizeof text, R"({"data":[%llu,true],"shape":[%zu,%zu],"typestr":"<f4","version":3})",
      static_cast<unsigned long long>(reinterpret_cast<std::uintptr_t>(rows)), count, columns);
  return std::string(text, static_cast<std::size_t>(length));
}

class Booster final : public Model {
 public:
  Booster(const Library& library, BoosterHandle handle) : library_(library), handle_(handle) {}
  ~Booster() override {
    if (handle_) library_.XGBoosterFree(handle_);
  }
  Booster(const Booster&) = delete;

  Result<void> read(const std::string& path);
  Result<void> predict_rows(const float* rows, std::size_t count, float* out) const override;
  std::size_t feature_count() const override { return feature_count_; }
  const std::string& objective() const override { return objective_; }
  std::size_t class_count() const override { return class_count_; }
  std::size_t output_columns() const override { return columns_; }
  std::size_t memory_bytes() const override { return bytes_; }
  // Replaces the booster's own trees by a Forest when both predict the same.
  void adopt_forest();

 private:
  Result<void> describe();
  Result<Predictions> predict_library(const float* rows, std::size_t count) const;
  Result<Predictions> predict_in_place(const float* rows, std::size_t count) const;
  void predict_forest(const float* rows, std::size_t count, float* out) const;
  Result<Forest> make_forest() const;
  Result<Predictions> predict_through_dmatrix(const float* rows, std::size_t count) const;
  Predictions copy_out(const bst_ulong* shape, bst_ulong dimensions, const float* values) const;

  const Library& library_;
  BoosterHandle handle_;  // null once the forest has taken over
  std::size_t feature_count_ = 0;
  std::size_t class_count_ = 0;
  std::size_t columns_ = 1;
  std::size_t bytes_ = 0;  // of the model's file
  std::string objective_;
  std::size_t rounds_ = 0;  // that count; 0: all
  bool linear_ = false;
  std::optional<Forest> forest_;
  std::string predict_config_;
  // Predicting through a DMatrix caches inside the booster; in place it does not.
  mutable std::mutex dmatrix_mutex_;
};

Result<void> Booster::read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  std::string bytes = std::move(content).str();
  if (!file || bytes.empty()) return fail(codes::kInvalid, "the file is empty or cannot be read");
  bytes_ = bytes.size();
  Result<std::string_view> pickled = find_pickled_booster(bytes);
  if (pickled) {
    std::string booster(*pickled);
    TRY(rewrite_base_score(booster));
    if (library_.XGBoosterUnserializeFromBuffer(handle_, booster.data(), booster.size()) != 0)
      return fail(codes::kInvalid, "a pickled booster, but " + library_.last_error());
  } else {
    TRY(rewrite_base_score(bytes));
    if (library_.XGBoosterLoadModelFromBuffer(handle_, bytes.data(), bytes.size()) != 0)
      return fail(codes::kInvalid, library_.last_error());
  }
  if (library_.XGBoosterSetParam(handle_, "nthread", "1") != 0 ||
      library_.XGBoosterSetParam(handle_, "verbosity", "0") != 0)
    return fail(codes::kInvalid, library_.last_error());
  return describe();
}

Result<void> Booster::describe() {
  bst_ulong features = 0;
  if (library_.XGBoosterGetNumFeature(handle_, &features) != 0)
    return fail(codes::kInvalid, library_.last_error());
  feature_count_ = features;
  bst_ulong length = 0;
  const char* text = nullptr;
  if (library_.XGBoosterSaveJsonConfig(handle_, &length, &text) != 0)
    return fail(codes::kInvalid, library_.last_error());
  Value config = TRY(parse_json(std::string_view(text, length)));
  auto text_at = [&config](std::initializer_list<const char*> names) -> std::string {
    const Value* at = &config;
    for (const char* name : names)
      if (at) at = at->find(name);
    const std::string* found = at ? at->as_string() : nullptr;
    return found ? *found : std::string();
  };
  objective_ = text_at({"learner", "objective", "name"});
  class_count_ =
      std::strtoul(text_at({"learner", "learner_model_param", "num_class"}).c_str(), nullptr, 10);
  linear_ = text_at({"learner", "gradient_booster", "name"}) == "gblinear";
  // After early stopping only the rounds up to the best one count, as in Python's predict().
  const char* best = nullptr;
  int has_best = 0;
  int end = 0;
  if (library_.XGBoosterGetAttr(handle_, "best_iteration", &best, &has_best) == 0 && has_best)
    end = std::atoi(best) + 1;
  rounds_ = static_cast<std::size_t>(std::max(end, 0));
  predict_config_ = R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":)" +
                    std::to_string(linear_ ? 0 : end) +
                    R"(,"strict_shape":true,"missing":NaN,"cache_id":0})";
  if (feature_count_ == 0 || feature_count_ > trees::kFeaturesMax)
    return fail(codes::kInvalid, "the model has no features, or too many");
  columns_ = TRY(predict_library(std::vector<float>(feature_count_).data(), 1)).columns;
  return {};
}

Predictions Booster::copy_out(const bst_ulong* shape, bst_ulong dimensions,
                              const float* values) const {
  Predictions out;
  out.rows = dimensions > 0 ? shape[0] : 0;
  out.columns = 1;
  for (bst_ulong i = 1; i < dimensions; ++i) out.columns *= shape[i];
  out.values.assign(values, values + out.rows * out.columns);
  return out;
}

Result<Predictions> Booster::predict_in_place(const float* rows, std::size_t count) const {
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* values = nullptr;
  if (library_.XGBoosterPredictFromDense(
          handle_, array_interface(rows, count, feature_count_).c_str(), predict_config_.c_str(),
          nullptr, &shape, &dimensions, &values) != 0)
    return fail("InternalFailure", "XGBoost cannot predict: " + library_.last_error(), 500);
  return copy_out(shape, dimensions, values);
}

Result<Predictions> Booster::predict_through_dmatrix(const float* rows, std::size_t count) const {
  DMatrixHandle matrix = nullptr;
  if (library_.XGDMatrixCreateFromMat(rows, count, feature_count_,
                                      std::numeric_limits<float>::quiet_NaN(), &matrix) != 0)
    return fail("InternalFailure", "XGBoost cannot read the rows: " + library_.last_error(), 500);
  std::lock_guard lock(dmatrix_mutex_);
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* values = nullptr;
  Result<Predictions> result;
  if (library_.XGBoosterPredictFromDMatrix(handle_, matrix, predict_config_.c_str(), &shape,
                                           &dimensions, &values) != 0)
    result = fail("InternalFailure", "XGBoost cannot predict: " + library_.last_error(), 500);
  else
    result = copy_out(shape, dimensions, values);
  library_.XGDMatrixFree(matrix);
  return result;
}

Result<Predictions> Booster::predict_library(const float* rows, std::size_t count) const {
  return linear_ ? predict_through_dmatrix(rows, count) : predict_in_place(rows, count);
}

Result<void> Booster::predict_rows(const float* rows, std::size_t count, float* out) const {
  if (forest_) {
    predict_forest(rows, count, out);
    return {};
  }
  const Predictions predictions = TRY(predict_library(rows, count));
  if (predictions.values.size() != count * columns_)
    return fail("InternalFailure", "XGBoost predicted another number of values", 500);
  std::copy(predictions.values.begin(), predictions.values.end(), out);
  return {};
}

void Booster::predict_forest(const float* rows, std::size_t count, float* out) const {
  for (std::size_t row = 0; row < count; ++row)
    forest_->predict(rows + row * feature_count_, out + row * columns_);
}

Result<Forest> Booster::make_forest() const {
  if (linear_) return fail(codes::kInvalid, "a linear model");
  bst_ulong length = 0;
  const char* text = nullptr;
  if (library_.XGBoosterSaveModelToBuffer(handle_, R"({"format":"json"})", &length, &text) != 0)
    return fail(codes::kInvalid, library_.last_error());
  if (length > kForestJsonBytesMax) return fail(codes::kInvalid, "the model is too large");
  Value model = TRY(parse_json(std::string_view(text, length)));
  Forest forest = TRY(Forest::read(model, rounds_));
  if (forest.feature_count() != feature_count_ || feature_count_ == 0)
    return fail(codes::kInvalid, "the model has no features");
  return forest;
}

void Booster::adopt_forest() {
  Result<Forest> made = make_forest();
  if (!made) {
    log::debug("predicting through XGBoost", {{"reason", made.error().message}});
    return;
  }
  const std::vector<float> probe = made->probe_rows(kProbeRows);
  Result<Predictions> expected = predict_in_place(probe.data(), kProbeRows);
  if (!expected) return;
  bool same = made->columns() == expected->columns && columns_ == expected->columns;
  forest_ = std::move(*made);
  std::vector<float> found(kProbeRows * columns_);
  if (same) predict_forest(probe.data(), kProbeRows, found.data());
  for (std::size_t i = 0; same && i < found.size(); ++i) {
    const float wanted = expected->values[i];
    same = std::abs(found[i] - wanted) <= kProbeTolerance * std::max(1.0f, std::abs(wanted));
  }
  if (!same) {
    forest_.reset();
    log::warning("the tree kernel disagrees with XGBoost; predicting through XGBoost",
                 {{"objective", objective_}});
    return;
  }
  library_.XGBoosterFree(handle_);
  handle_ = nullptr;
}

}  // namespace

Result<std::unique_ptr<Model>> load_booster(const std::string& path, bool own_kernel) {
  const Library* functions = TRY(library());
  BoosterHandle handle = nullptr;
  if (functions->XGBoosterCreate(nullptr, 0, &handle) != 0)
    return fail(codes::kInvalid, functions->last_error());
  auto booster = std::make_unique<Booster>(*functions, handle);
  TRY(booster->read(path));
  if (own_kernel) booster->adopt_forest();
  return std::unique_ptr<Model>(std::move(booster));
}

}  // namespace tidemill::infer::xgboost
