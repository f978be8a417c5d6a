// Owners of XGBoost's handles, with errors as Results.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "infer/xgboost/library.h"
#include "train/xgboost/dataset.h"

namespace tidemill::train::xgboost {

using infer::xgboost::Library;

// The last error: "ClientError" when it is about labels or parameters, else
// "AlgorithmError".
std::unexpected<Error> last_failure(const Library& library);

class DMatrix {
 public:
  static Result<DMatrix> create(const Library& library, const Dataset& data);
  DMatrix(DMatrix&& other) noexcept;
  DMatrix& operator=(DMatrix&&) = delete;
  ~DMatrix();
  DMatrixHandle handle() const { return handle_; }

 private:
  DMatrix(const Library& library, DMatrixHandle handle) : library_(&library), handle_(handle) {}
  const Library* library_;
  DMatrixHandle handle_;
};

class Booster {
 public:
  // `cached`: matrices whose predictions are kept between rounds.
  static Result<Booster> create(const Library& library, std::span<const DMatrixHandle> cached);
  Booster(Booster&& other) noexcept;
  Booster& operator=(Booster&& other) noexcept;
  ~Booster();

  Result<void> set(const std::string& name, const std::string& value);
  Result<void> load(const std::string& path);
  Result<void> update(int round, const DMatrix& matrix);
  // "[0]\ttrain-rmse:0.5\tvalidation-rmse:0.6"
  Result<std::string> evaluate(int round, std::vector<DMatrixHandle> matrices,
                               std::vector<const char*> names);
  struct Scores {
    std::vector<float> values;
    std::size_t columns = 1;
  };
  Result<Scores> predict(const DMatrix& matrix);
  Result<void> set_attribute(const std::string& name, const std::string& value);
  // The first `rounds` rounds as a separate booster.
  Result<Booster> first_rounds(int rounds);
  // Writes atomically: a temporary file, synced, then renamed. Always UBJSON, which every XGBoost
  // from 1.6 reads.
  Result<void> save(const std::string& path);

 private:
  Booster(const Library& library, BoosterHandle handle) : library_(&library), handle_(handle) {}
  const Library* library_;
  BoosterHandle handle_;
};

}  // namespace tidemill::train::xgboost
