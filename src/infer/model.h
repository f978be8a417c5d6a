// A model that predicts inside this process, whatever its format.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"

namespace tidemill::infer {

// Rows of features, row-major; NaN is a missing value.
struct Matrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<float> values;
};

// One number a row, or `columns` of them (class probabilities).
struct Predictions {
  std::size_t rows = 0;
  std::size_t columns = 1;
  std::vector<float> values;
};

// Thread-safe: predict() runs on many threads at once.
class Model {
 public:
  virtual ~Model() = default;
  // Error code "BadRequest", http_status 400, when the matrix does not fit the model.
  virtual Result<Predictions> predict(const Matrix& rows) const = 0;
  virtual std::size_t feature_count() const = 0;
  // XGBoost's name: "binary:logistic".
  virtual const std::string& objective() const = 0;
  // 0 when the model is no multi-class one.
  virtual std::size_t class_count() const = 0;
};

// The model that lies in an unpacked model.tar.gz: `xgboost-model`, or else the only file that
// reads as one. Tidemill.Invalid says which files were tried and why each failed.
Result<std::unique_ptr<Model>> load_model(const std::string& directory);

}  // namespace tidemill::infer
