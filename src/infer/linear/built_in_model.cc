#include "infer/linear/built_in_model.h"

#include <cmath>
#include <limits>

#include "infer/archive/zip.h"
#include "infer/linear/linear_learner.h"
#include "infer/linear/ndarray.h"

namespace tidemill::infer::linear {
namespace {

constexpr std::size_t kFeaturesMax = 1u << 20, kOutputsMax = 1u << 16;

std::unexpected<Error> wrong(std::string what) { return fail(codes::kInvalid, std::move(what)); }

class KMeans final : public Model {
 public:
  explicit KMeans(NamedArray centers) : centers_(std::move(centers)) {
    shape_.fields = {{"closest_cluster", 0, 1}, {"distance_to_cluster", 1, 1}};
  }

  Result<void> predict_rows(const float* rows, std::size_t count, float* out) const override {
    const std::size_t features = feature_count();
    for (std::size_t row = 0; row < count; ++row, rows += features, out += 2) {
      double nearest = std::numeric_limits<double>::infinity();
      out[0] = 0;
      const float* center = centers_.values.data();
      for (std::size_t cluster = 0; cluster < centers_.shape[0]; ++cluster) {
        double distance = 0;
        for (std::size_t i = 0; i < features; ++i) {
          const double difference = static_cast<double>(rows[i]) - static_cast<double>(*center++);
          distance += difference * difference;
        }
        if (!(distance < nearest)) continue;
        nearest = distance;
        out[0] = static_cast<float>(cluster);
      }
      out[1] = static_cast<float>(std::sqrt(nearest));
    }
    return {};
  }
  std::size_t feature_count() const override { return centers_.shape[1]; }
  std::size_t output_columns() const override { return 2; }
  const std::string& objective() const override { return objective_; }
  std::size_t class_count() const override { return 0; }
  const AnswerShape* answer_shape() const override { return &shape_; }
  std::size_t memory_bytes() const override {
    return sizeof *this + centers_.values.size() * sizeof(float);
  }

 private:
  const NamedArray centers_;
  AnswerShape shape_;
  const std::string objective_ = "kmeans";
};

// (row - mean) times the principal components, in the order in which the file has them: the largest
// component last.
class Pca final : public Model {
 public:
  Pca(Weights components) : components_(std::move(components)) {
    shape_.rows_name = "projections";
    shape_.fields = {{"projection", 0, components_.outputs, true}};
  }

  Result<void> predict_rows(const float* rows, std::size_t count, float* out) const override {
    for (std::size_t row = 0; row < count; ++row) {
      multiply(components_, rows, out);
      rows += components_.features;
      out += components_.outputs;
    }
    return {};
  }
  std::size_t feature_count() const override { return components_.features; }
  std::size_t output_columns() const override { return components_.outputs; }
  const std::string& objective() const override { return objective_; }
  std::size_t class_count() const override { return 0; }
  const AnswerShape* answer_shape() const override { return &shape_; }
  std::size_t memory_bytes() const override {
    return sizeof *this + components_.values.size() * sizeof(float);
  }

 private:
  const Weights components_;
  AnswerShape shape_;
  const std::string objective_ = "pca";
};

Result<void> check_matrix(const NamedArray& array, const char* what) {
  if (array.shape.size() != 2 || array.values.empty())
    return wrong(std::string(what) + " are not a matrix");
  if (array.shape[0] > kFeaturesMax || array.shape[1] > kFeaturesMax)
    return wrong(std::string(what) + " are more than are read");
  return {};
}

Result<std::unique_ptr<Model>> load_pca(const NamedArray& v, const NamedArray* mean) {
  TRY(check_matrix(v, "the components 'v'"));
  Weights weights{v.shape[0], v.shape[1], std::vector<float>(v.values.size()), {}, {}};
  if (weights.outputs > kOutputsMax) return wrong("more components than are read");
  for (std::size_t output = 0; output < weights.outputs; ++output)
    for (std::size_t i = 0; i < weights.features; ++i)
      weights.values[output * weights.features + i] = v.values[i * weights.outputs + output];
  if (mean) {
    if (mean->values.size() != weights.features) return wrong("'mean' does not fit 'v'");
    weights.center = mean->values;
  }
  return std::unique_ptr<Model>(std::make_unique<Pca>(std::move(weights)));
}

Result<std::unique_ptr<Model>> load_arrays(std::string_view bytes) {
  std::vector<NamedArray> arrays = TRY(read_arrays(bytes));
  const NamedArray *v = nullptr, *mean = nullptr;
  for (const NamedArray& array : arrays) {
    if (array.name == "v") v = &array;
    if (array.name == "mean") mean = &array;
  }
  if (v) return load_pca(*v, mean);
  if (arrays.size() == 1 && arrays[0].name.empty()) {
    TRY(check_matrix(arrays[0], "the cluster centers"));
    return std::unique_ptr<Model>(std::make_unique<KMeans>(std::move(arrays[0])));
  }
  return wrong("arrays of neither kmeans (one without a name) nor pca ('v', 'mean')");
}

}  // namespace

bool looks_like_model(std::string_view head) {
  return looks_like_arrays(head) || looks_like_zip(head);
}

Result<std::unique_ptr<Model>> load_model(std::string_view bytes) {
  if (looks_like_arrays(bytes)) return load_arrays(bytes);
  return load_linear_learner(TRY(read_zip(bytes)));
}

}  // namespace tidemill::infer::linear
