#include "train/xgboost/dataset.h"

namespace tidemill::train::xgboost {

Result<void> append_parquet(const std::string& name, const std::filesystem::path&, Dataset&) {
  return fail("ClientError", name + ": Parquet channels are not supported yet; use CSV or LIBSVM");
}

}  // namespace tidemill::train::xgboost
