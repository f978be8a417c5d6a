#include <algorithm>
#include <filesystem>

#include "infer/model.h"
#include "infer/xgboost/booster.h"

namespace tidemill::infer {
namespace {

constexpr const char* kModelFileName = "xgboost-model";
// A model archive may hold notes and metrics beside the model; more than this is no model archive.
constexpr std::size_t kCandidatesMax = 16;

std::vector<std::filesystem::path> candidates(const std::string& directory) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error))
    if (entry.is_regular_file(error)) files.push_back(entry.path());
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
    const bool a_first = a.filename() == kModelFileName, b_first = b.filename() == kModelFileName;
    return a_first != b_first ? a_first : a < b;
  });
  if (files.size() > kCandidatesMax) files.resize(kCandidatesMax);
  return files;
}

}  // namespace

Result<std::unique_ptr<Model>> load_model(const std::string& directory) {
  std::string tried;
  for (const std::filesystem::path& path : candidates(directory)) {
    Result<std::unique_ptr<Model>> model = xgboost::load_booster(path.string());
    if (model) return model;
    if (model.error().code == codes::kNotFound) return model;  // no library: nothing will load
    tried += "\n" + path.filename().string() + ": " + model.error().message;
    if (path.filename() == kModelFileName) break;
  }
  if (tried.empty())
    return fail(codes::kInvalid, std::string("the model archive has no file ") + kModelFileName);
  return fail(codes::kInvalid, "no file of the model archive reads as an XGBoost model:" + tried);
}

}  // namespace tidemill::infer
