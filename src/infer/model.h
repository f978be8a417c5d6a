// A model of any format that predicts inside this process.
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

// One number per row, or `columns` of them (class probabilities).
struct Predictions {
  std::size_t rows = 0;
  std::size_t columns = 1;
  std::vector<float> values;
};

// Names of an answer's parts, where they differ from XGBoost's {"score": ..}.
struct AnswerField {
  std::string name;  // "closest_cluster"
  std::size_t first_column = 0, columns = 1;
  bool list = false;   // written as a list, even for one number
  bool whole = false;  // a label, without a point
};
struct AnswerShape {
  std::string rows_name = "predictions";  // the list of rows in application/json
  std::vector<AnswerField> fields;        // CSV has them in this order, one line per row
};

// Thread-safe: predictions run on many threads at once.
class Model {
 public:
  virtual ~Model() = default;
  // Error code "BadRequest", http_status 400, when the matrix does not fit the model.
  Result<Predictions> predict(const Matrix& rows) const;
  // `count` consecutive rows of feature_count() values; out: count * output_columns() numbers.
  // Trees and linear models neither fail nor allocate.
  virtual Result<void> predict_rows(const float* rows, std::size_t count, float* out) const = 0;
  virtual std::size_t feature_count() const = 0;
  // predict() accepts rows with at least this many features; the others are missing values.
  virtual std::size_t columns_min() const { return feature_count(); }
  // Whether several such models in an archive answer together
  // (combined_model.h).
  virtual bool combines() const { return false; }
  // Numbers a row.
  virtual std::size_t output_columns() const = 0;
  // XGBoost's name: "binary:logistic".
  virtual const std::string& objective() const = 0;
  // 0 when the model is not a multi-class one.
  virtual std::size_t class_count() const = 0;
  // nullptr: answers have the form of XGBoost's container.
  virtual const AnswerShape* answer_shape() const { return nullptr; }
  // The model's memory use; endpoints with many models evict by it.
  virtual std::size_t memory_bytes() const = 0;

  // CPU time of a single row, measured by load_model(); 0: not measured.
  std::chrono::nanoseconds row_time() const { return row_time_; }
  void measure_row_time();

 private:
  std::chrono::nanoseconds row_time_{0};
};

struct LoadOptions {
  // Every booster of the archive answers, as in SageMaker's XGBoost container: their mean, or the
  // most frequent label. Otherwise only the first file.
  bool combine = false;
};

// The model in an unpacked model.tar.gz: `xgboost-model` or `model_algo-1`, or else the first
// file that is a model of some format. Tidemill.Invalid lists the files tried and why each
// failed.
Result<std::unique_ptr<Model>> load_model(const std::string& directory,
                                          const LoadOptions& options = {});

}  // namespace tidemill::infer
