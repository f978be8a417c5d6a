// A channel of training data in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace tidemill::train::xgboost {

enum class DataFormat { csv, libsvm, parquet };

// Dense rows (`values`, NaN missing) or, for LIBSVM, sparse ones (`row_starts` not empty).
struct Dataset {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<float> values;
  std::vector<std::size_t> row_starts;  // rows + 1 of them
  std::vector<std::uint32_t> indices;
  std::vector<float> labels;
  std::vector<float> weights;            // empty: all 1
  std::vector<std::uint32_t> query_ids;  // empty: none; for ranking

  bool sparse() const { return !row_starts.empty(); }
};

struct ReadOptions {
  std::string content_type;  // from inputdataconfig.json; empty: guessed from the first file
  bool csv_weights = false;
};

// Reads every file below the channel's directory in the order of names, except hidden ones and
// those that begin with '_'. "ClientError" names the file, row and column.
Result<Dataset> read_channel(const std::string& channel, const std::filesystem::path& directory,
                             const ReadOptions& options);

// Adds the rows of one file's text. `name` is for messages.
Result<void> append_csv(const std::string& name, std::string_view text, bool weights, Dataset& out);
Result<void> append_libsvm(const std::string& name, std::string_view text, Dataset& out);
// The first column is the label. Reads through DuckDB.
Result<void> append_parquet(const std::string& name, const std::filesystem::path& path,
                            Dataset& out);

}  // namespace tidemill::train::xgboost
