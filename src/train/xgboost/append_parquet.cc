#include <cmath>

#include "sql/sql.h"
#include "train/xgboost/dataset.h"

namespace tidemill::train::xgboost {
namespace {

std::unexpected<Error> client_error(const std::string& name, const std::string& reason) {
  return fail("ClientError", name + ": " + reason);
}

}  // namespace

Result<void> append_parquet(const std::string& name, const std::filesystem::path& path,
                            Dataset& out) {
  Result<std::unique_ptr<sql::Database>> database = sql::open_database();
  if (!database)
    return fail("AlgorithmError", "Parquet channels need DuckDB: " + database.error().message);
  Result<sql::Numbers> numbers = (*database)->query_floats(
      "SELECT COLUMNS(*)::FLOAT FROM read_parquet(" + sql::quote(path.string()) + ")");
  if (!numbers) return client_error(name, numbers.error().message);
  const std::size_t width = numbers->columns.size();
  if (width < 2)
    return client_error(name,
                        "the first column is the label and the others are features, but there "
                        "is one column only");
  if (out.rows > 0 && out.columns != width - 1)
    return client_error(name, "it has " + std::to_string(width - 1) +
                                  " features, but the files before it have " +
                                  std::to_string(out.columns));
  out.columns = width - 1;
  out.values.reserve(out.values.size() + numbers->rows * out.columns);
  for (std::size_t row = 0; row < numbers->rows; ++row) {
    const float* values = numbers->values.data() + row * width;
    if (!std::isfinite(values[0]))
      return client_error(name, "row " + std::to_string(row + 1) + ", column " +
                                    numbers->columns[0] + ": the label is missing or not finite");
    out.labels.push_back(values[0]);
    out.values.insert(out.values.end(), values + 1, values + width);
  }
  out.rows += numbers->rows;
  return {};
}

}  // namespace tidemill::train::xgboost
