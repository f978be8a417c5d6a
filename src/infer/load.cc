#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "infer/catboost/json_model.h"
#include "infer/combined_model.h"
#include "infer/lightgbm/text_model.h"
#include "infer/linear/built_in_model.h"
#include "infer/model.h"
#include "infer/model_file.h"
#include "infer/onnx_ml/onnx_model.h"
#include "infer/xgboost/booster.h"

namespace tidemill::infer {
namespace {

// An archive may hold notes and metrics beside the model, but not more files than this.
constexpr std::size_t kCandidatesMax = 16;
constexpr std::size_t kModelBytesMax = std::size_t{4} << 30;
// Limit for searching JSON: only its keys identify CatBoost's.
constexpr std::size_t kJsonBytesMax = 256u << 20;
// Enough to tell one format from another.
constexpr std::size_t kHeadBytes = 64;

// Names of model files, the most certain first. A file with such a name is the model: if it does
// not load, no other file is tried.
constexpr std::array<std::string_view, 2> kModelFileNames = {"xgboost-model", "model_algo-1"};
// Then files by the end of their names; all others come after.
constexpr std::array<std::string_view, 7> kModelFileEndings = {
    ".onnx", ".ubj", ".bst", ".model", ".lgb.txt", "model.txt", ".json"};

std::size_t rank_of(const std::string& name) {
  std::size_t rank = 0;
  for (std::string_view known : kModelFileNames) {
    if (name == known) return rank;
    ++rank;
  }
  for (std::string_view ending : kModelFileEndings) {
    if (name.ends_with(ending)) return rank;
    ++rank;
  }
  return rank;
}

// Links may name files in the model's own folder; others would read files that the server may read
// but the model's owner may not.
bool lies_below(const std::filesystem::path& directory, const std::filesystem::path& file) {
  std::error_code error;
  const std::filesystem::path root = std::filesystem::canonical(directory, error);
  if (error) return false;
  const std::filesystem::path target = std::filesystem::canonical(file, error);
  return !error && *target.lexically_relative(root).begin() != "..";
}

std::vector<std::filesystem::path> candidates(const std::string& directory, std::size_t files_max) {
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error))
    if (entry.is_regular_file(error) &&
        (!entry.is_symlink(error) || lies_below(directory, entry.path())))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
    const std::size_t a_rank = rank_of(a.filename().string()),
                      b_rank = rank_of(b.filename().string());
    return a_rank != b_rank ? a_rank < b_rank : a < b;
  });
  if (files.size() > files_max) files.resize(files_max);
  return files;
}

// Whether a file that fails to load was meant as a booster: an answer without it would be wrong.
// Notes, metrics and encoders beside the models do not affect the answer.
bool means_a_booster(const std::filesystem::path& path) {
  const std::string name = path.filename().string();
  if (name.starts_with("xgboost-model")) return true;
  const std::string ending = path.extension().string();
  for (std::string_view known : {".ubj", ".bst", ".model", ".xgb"})
    if (ending == known) return true;
  std::string head(kHeadBytes * 8, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  return head.contains("xgboost.core") || head.contains("\"learner\"") || head.starts_with("binf");
}

std::uintmax_t file_size(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  return error ? 0 : size;
}

// The contents determine the format, not the name.
Result<std::unique_ptr<Model>> load_file(const std::string& path) {
  std::string head(kHeadBytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  if (lightgbm::looks_like_model(head))
    return lightgbm::load_model(TRY(read_model_file(path, kModelBytesMax)));
  if (path.ends_with(".onnx") || onnx_ml::looks_like_model(head))
    return onnx_ml::load_model(TRY(read_model_file(path, kModelBytesMax)));
  if (linear::looks_like_model(head))
    return linear::load_model(TRY(read_model_file(path, kModelBytesMax)));
  if (catboost::looks_like_binary(head)) return catboost::refuse_binary();
  if (head.starts_with('{') && file_size(path) <= kJsonBytesMax) {
    const std::string text = TRY(read_model_file(path, kJsonBytesMax));
    if (catboost::looks_like_model(text)) return catboost::load_model(text);
  }
  return xgboost::load_booster(path);
}

// Combines all boosters of the folder into one; a model of another kind that comes first is
// returned alone. Null when nothing loads; `tried` gives the reason for each file.
Result<std::unique_ptr<Model>> load_combined(const std::string& directory, std::string& tried) {
  std::vector<std::unique_ptr<Model>> boosters;
  std::string broken;
  // One more than can be combined, so that too many are refused instead of ignored.
  for (const auto& path : candidates(directory, kCombinedModelsMax + 1)) {
    const std::string name = path.filename().string();
    if (name.starts_with('.')) continue;
    Result<std::unique_ptr<Model>> model = load_file(path.string());
    if (model && !(*model)->combines()) {
      if (boosters.empty()) return model;
      continue;  // of another kind, beside the boosters
    }
    if (model) {
      boosters.push_back(std::move(*model));
      continue;
    }
    if (model.error().code == codes::kNotFound) return model;
    tried += "\n" + name + ": " + model.error().message;
    if (means_a_booster(path)) broken += "\n" + name + ": " + model.error().message;
    if (boosters.empty() && rank_of(name) < kModelFileNames.size()) return nullptr;
  }
  if (boosters.empty()) return nullptr;
  if (!broken.empty())
    return fail(codes::kInvalid,
                "all boosters of the archive answer together, but not all of them load; remove "
                "what is no model, or set SAGEMAKER_INFERENCE_ENSEMBLE to false, so that the "
                "first one answers alone:" +
                    broken);
  if (boosters.size() == 1) return std::move(boosters.front());
  return combine_models(std::move(boosters));
}

std::unexpected<Error> nothing_loads(const std::string& tried) {
  if (tried.empty())
    return fail(codes::kInvalid, "the model archive has no file xgboost-model, nor any other file");
  return fail(codes::kInvalid, "no file of the model archive reads as a model:" + tried);
}

}  // namespace

Result<std::unique_ptr<Model>> load_model(const std::string& directory,
                                          const LoadOptions& options) {
  std::string tried;
  if (options.combine) {
    std::unique_ptr<Model> model = TRY(load_combined(directory, tried));
    if (!model) return nothing_loads(tried);
    model->measure_row_time();
    return model;
  }
  for (const std::filesystem::path& path : candidates(directory, kCandidatesMax)) {
    Result<std::unique_ptr<Model>> model = load_file(path.string());
    if (model) (*model)->measure_row_time();
    if (model) return model;
    if (model.error().code == codes::kNotFound) return model;  // no library: nothing will load
    tried += "\n" + path.filename().string() + ": " + model.error().message;
    if (rank_of(path.filename().string()) < kModelFileNames.size()) break;
  }
  return nothing_loads(tried);
}

}  // namespace tidemill::infer
