#include "infer/model.h"

namespace tidemill::infer {
namespace {

// Of a model of many outputs a small body can ask for more than there is memory.
constexpr std::size_t kPredictedValuesMax = 64u << 20;

}  // namespace

Result<Predictions> Model::predict(const Matrix& rows) const {
  if (rows.rows == 0) return fail("BadRequest", "the request has no rows", 400);
  if (rows.columns != feature_count())
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
  TRY(predict_rows(rows.values.data(), rows.rows, out.values.data()));
  return out;
}

}  // namespace tidemill::infer
