#include "train/xgboost/handles.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <utility>

namespace tidemill::train::xgboost {

std::unexpected<Error> last_failure(const Library& library) {
  // Remove the C++ frames below the message: users do not need them.
  std::string message = library.last_error();
  message.erase(std::min(message.find("\nStack trace:"), message.size()));
  // Recognizes errors of the data or the parameters by the texts of XGBoost's checks.
  for (const char* words :
       {"label", "Label", "num_class", "Parameter", "parameter", "Invalid", "Input data contains",
        "base_score", "feature", "weight", "Weight", "constraint", "qid", "group"})
    if (message.find(words) != std::string::npos) return fail("ClientError", std::move(message));
  return fail("AlgorithmError", std::move(message));
}

Result<DMatrix> DMatrix::create(const Library& library, const Dataset& data) {
  DMatrixHandle handle = nullptr;
  const int failed =
      data.sparse() ? library.XGDMatrixCreateFromCSREx(data.row_starts.data(), data.indices.data(),
                                                       data.values.data(), data.row_starts.size(),
                                                       data.values.size(), data.columns, &handle)
                    : library.XGDMatrixCreateFromMat(data.values.data(), data.rows, data.columns,
                                                     NAN, &handle);
  if (failed) return last_failure(library);
  DMatrix matrix(library, handle);
  if (library.XGDMatrixSetFloatInfo(handle, "label", data.labels.data(), data.labels.size()))
    return last_failure(library);
  if (!data.weights.empty() &&
      library.XGDMatrixSetFloatInfo(handle, "weight", data.weights.data(), data.weights.size()))
    return last_failure(library);
  if (!data.query_ids.empty() &&
      library.XGDMatrixSetUIntInfo(handle, "qid", data.query_ids.data(), data.query_ids.size()))
    return last_failure(library);
  return matrix;
}

DMatrix::DMatrix(DMatrix&& other) noexcept
    : library_(other.library_), handle_(std::exchange(other.handle_, nullptr)) {}
DMatrix::~DMatrix() {
  if (handle_) library_->XGDMatrixFree(handle_);
}

Result<Booster> Booster::create(const Library& library, std::span<const DMatrixHandle> cached) {
  BoosterHandle handle = nullptr;
  if (library.XGBoosterCreate(cached.data(), cached.size(), &handle)) return last_failure(library);
  return Booster(library, handle);
}

Booster::Booster(Booster&& other) noexcept
    : library_(other.library_), handle_(std::exchange(other.handle_, nullptr)) {}
Booster& Booster::operator=(Booster&& other) noexcept {
  std::swap(library_, other.library_);
  std::swap(handle_, other.handle_);
  return *this;
}
Booster::~Booster() {
  if (handle_) library_->XGBoosterFree(handle_);
}

Result<void> Booster::set(const std::string& name, const std::string& value) {
  if (library_->XGBoosterSetParam(handle_, name.c_str(), value.c_str()))
    return last_failure(*library_);
  return {};
}

Result<void> Booster::load(const std::string& path) {
  if (library_->XGBoosterLoadModel(handle_, path.c_str())) return last_failure(*library_);
  return {};
}

Result<void> Booster::update(int round, const DMatrix& matrix) {
  if (library_->XGBoosterUpdateOneIter(handle_, round, matrix.handle()))
    return last_failure(*library_);
  return {};
}

Result<std::string> Booster::evaluate(int round, std::vector<DMatrixHandle> matrices,
                                      std::vector<const char*> names) {
  const char* text = nullptr;
  if (library_->XGBoosterEvalOneIter(handle_, round, matrices.data(), names.data(), matrices.size(),
                                     &text))
    return last_failure(*library_);
  return std::string(text);
}

Result<Booster::Scores> Booster::predict(const DMatrix& matrix) {
  constexpr const char* kConfig =
      R"({"type":0,"training":false,"iteration_begin":0,"iteration_end":0,"strict_shape":true})";
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* values = nullptr;
  if (library_->XGBoosterPredictFromDMatrix(handle_, matrix.handle(), kConfig, &shape, &dimensions,
                                            &values))
    return last_failure(*library_);
  Scores scores;
  for (bst_ulong i = 1; i < dimensions; ++i) scores.columns *= shape[i];
  scores.values.assign(values, values + (dimensions ? shape[0] : 0) * scores.columns);
  return scores;
}

Result<void> Booster::set_attribute(const std::string& name, const std::string& value) {
  if (library_->XGBoosterSetAttr(handle_, name.c_str(), value.c_str()))
    return last_failure(*library_);
  return {};
}

Result<Booster> Booster::first_rounds(int rounds) {
  BoosterHandle sliced = nullptr;
  if (library_->XGBoosterSlice(handle_, 0, rounds, 1, &sliced)) return last_failure(*library_);
  return Booster(*library_, sliced);
}

Result<void> Booster::save(const std::string& path) {
  bst_ulong length = 0;
  const char* bytes = nullptr;
  if (library_->XGBoosterSaveModelToBuffer(handle_, R"({"format":"ubj"})", &length, &bytes))
    return last_failure(*library_);
  const std::string beside = path + ".partial";
  auto failure = [&](const char* what) {
    return fail("AlgorithmError",
                std::string("cannot ") + what + " " + path + ": " + std::strerror(errno));
  };
  const int file = open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return failure("create");
  std::size_t written = 0;
  while (written < length) {
    const ssize_t count = write(file, bytes + written, length - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    written += static_cast<std::size_t>(count);
  }
  const bool good = written == length && fsync(file) == 0;
  if (close(file) != 0 || !good) return failure("write");
  if (std::rename(beside.c_str(), path.c_str()) != 0) return failure("rename");
  return {};
}

}  // namespace tidemill::train::xgboost
