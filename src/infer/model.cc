#include "infer/model.h"

#include <time.h>

#include <algorithm>
#include <limits>

#include "infer/codec/codec.h"

namespace tidemill::infer {
namespace {

// For a model with many outputs a small body could ask for more memory than there is.
constexpr std::size_t kPredictedValuesMax = 64u << 20;

std::chrono::nanoseconds thread_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// The rows with missing values after their last column.
Result<Matrix> widen(const Matrix& rows, std::size_t columns) {
  if (rows.rows > kMatrixBytesMax / sizeof(float) / columns)
    return fail("BadRequest",
                "the rows are too many and too wide: " + std::to_string(rows.rows) + " times " +
                    std::to_string(columns) + " values",
                400);
  Matrix wide{rows.rows, columns, {}};
  wide.values.assign(rows.rows * columns, std::numeric_limits<float>::quiet_NaN());
  for (std::size_t row = 0; row < rows.rows; ++row)
    std::copy_n(rows.values.data() + row * rows.columns, rows.columns,
                wide.values.data() + row * columns);
  return wide;
}

}  // namespace

void Model::measure_row_time() {
  // Many times the clock's resolution; the very first row finds a cold cache.
  constexpr std::chrono::microseconds kLongEnough{100};
  constexpr std::chrono::milliseconds kTooLong{5};
  constexpr int kRowsMax = 4096;
  const std::vector<float> row(feature_count());
  std::vector<float> out(output_columns());
  row_time_ = std::chrono::nanoseconds::max();
  for (int rows = 1; rows <= kRowsMax; rows *= 4) {
    const std::chrono::nanoseconds began = thread_time();
    // A model may refuse zeros: the time it took counts anyway.
    for (int i = 0; i < rows; ++i) (void)predict_rows(row.data(), 1, out.data());
    const std::chrono::nanoseconds took = thread_time() - began;
    row_time_ = std::min(row_time_, took / rows);
    if (took > kTooLong || (rows > 1 && took > kLongEnough)) return;
  }
}

Result<Predictions> Model::predict(const Matrix& rows) const {
  if (rows.rows == 0) return fail("BadRequest", "the request has no rows", 400);
  if (rows.columns > feature_count() || rows.columns < columns_min())
    return fail("BadRequest",
                "a row has " + std::to_string(rows.columns) +
                    " features, but the model was trained with " + std::to_string(feature_count()),
                400);
  if (rows.rows > kPredictedValuesMax / output_columns())
    return fail("BadRequest",
                "the answer would have " + std::to_string(rows.rows) + " rows of " +
                    std::to_string(output_columns()) + " numbers; at most " +
                    std::to_string(kPredictedValuesMax) + " numbers fit, so send fewer rows",
                400);
  Predictions out{rows.rows, output_columns(), {}};
  out.values.resize(out.rows * out.columns);
  if (rows.columns < feature_count()) {
    const Matrix wide = TRY(widen(rows, feature_count()));
    TRY(predict_rows(wide.values.data(), wide.rows, out.values.data()));
    return out;
  }
  TRY(predict_rows(rows.values.data(), rows.rows, out.values.data()));
  return out;
}

}  // namespace tidemill::infer
