// A model that predicts inside this process, whatever its format.
#pragma once

#include <chrono>
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

// How an answer names what it says of a row, where that is not XGBoost's {"score": ..}.
struct AnswerField {
  std::string name;  // "closest_cluster"
  std::size_t first_column = 0, columns = 1;
  bool list = false;   // a list, even of one number
  bool whole = false;  // a label, without a point
};
struct AnswerShape {
  std::string rows_name = "predictions";  // of the list of rows in application/json
  std::vector<AnswerField> fields;        // in CSV in this order, a line a row
};

// Thread-safe: predictions run on many threads at once.
class Model {
 public:
  virtual ~Model() = default;
  // Error code "BadRequest", http_status 400, when the matrix does not fit the model.
  Result<Predictions> predict(const Matrix& rows) const;
  // `count` rows of feature_count() values, one after the other; out: count * output_columns()
  // numbers. Trees and linear models neither fail nor allocate.
  virtual Result<void> predict_rows(const float* rows, std::size_t count, float* out) const = 0;
  virtual std::size_t feature_count() const = 0;
  // predict() takes rows that have so many of the features at least; the others are missing values.
  virtual std::size_t columns_min() const { return feature_count(); }
  // Whether an archive of several such models answers with what all of them say
  // (combined_model.h).
  virtual bool combines() const { return false; }
  // Numbers a row.
  virtual std::size_t output_columns() const = 0;
  // XGBoost's name: "binary:logistic".
  virtual const std::string& objective() const = 0;
  // 0 when the model is no multi-class one.
  virtual std::size_t class_count() const = 0;
  // nullptr: answers are shaped as XGBoost's container shapes them.
  virtual const AnswerShape* answer_shape() const { return nullptr; }
  // What the model holds in memory; endpoints of many models evict by it.
  virtual std::size_t memory_bytes() const = 0;

  // CPU time of one row by itself, as load_model() found it; 0: it was not measured.
  std::chrono::nanoseconds row_time() const { return row_time_; }
  void measure_row_time();

 private:
  std::chrono::nanoseconds row_time_{0};
};

struct LoadOptions {
  // Every booster of the archive answers, as in SageMaker's XGBoost container: their mean, or the
  // label that most of them say. Otherwise the first file alone.
  bool combine = false;
};

// The model that lies in an unpacked model.tar.gz: `xgboost-model` or `model_algo-1`, or else the
// first file that reads as a model of some format. Tidemill.Invalid says which files were tried and
// why each failed.
Result<std::unique_ptr<Model>> load_model(const std::string& directory,
                                          const LoadOptions& options = {});

}  // namespace tidemill::infer
