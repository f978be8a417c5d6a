#include "services/sagemaker/hosting/fleet/model_source.h"

#include <algorithm>
#include <filesystem>
#include <limits>

#include "base/checksum.h"
#include "base/encoding.h"
#include "base/file_tree.h"
#include "services/sagemaker/hosting/fleet/model_check.h"
#include "services/sagemaker/hosting/fleet/model_fetch.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> no_such_model(const std::string& target, const std::string& reason) {
  return fail("ValidationError", "The target model " + target + " cannot be found: " + reason, 400);
}

// The size of its files is a fair measure of what a model takes in memory.
std::uint64_t folder_bytes(const std::string& folder) {
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored))
    if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
  return bytes;
}

// A target is a key below the prefix; nothing of it may lead elsewhere.
bool is_plain(const std::string& target) {
  const fs::path path(target);
  return !target.empty() && !path.is_absolute() &&
         std::ranges::none_of(path, [](const fs::path& part) { return part == ".."; });
}

}  // namespace

LoadedModels::LoadedModels(const Dependencies& dependencies, ModelSourceOptions options)
    : in_(dependencies), options_(std::move(options)) {}

std::shared_ptr<const infer::Model> LoadedModels::find(std::string_view target) {
  std::lock_guard lock(mutex_);
  auto found = held_.find(target);
  if (found == held_.end()) return nullptr;
  found->second.used = Clock::now();
  return found->second.model;
}

void LoadedModels::sweep() {
  if (options_.idle.count() == 0) return;
  const Clock::time_point oldest = Clock::now() - options_.idle;
  std::lock_guard lock(mutex_);
  std::erase_if(held_, [&](const auto& each) {
    if (each.second.used >= oldest) return false;
    bytes_ -= each.second.bytes;
    return true;
  });
}

std::string LoadedModels::folder_of(const std::string& target) const {
  if (options_.prefix.empty()) return options_.folder;
  // Keys have slashes and any length; folders do not.
  return options_.folder + "/" +
         encode_hex(checksum_of(ChecksumAlgorithm::sha256, target)).substr(0, 32);
}

Result<std::string> LoadedModels::fetch(const std::string& target) {
  if (options_.prefix.empty()) return options_.folder_in_container;
  if (!is_plain(target)) return no_such_model(target, "it is no key below " + options_.prefix);
  std::string uri = options_.prefix;
  if (!uri.ends_with('/')) uri += '/';
  const std::string folder = folder_of(target);
  Result<void> fetched =
      fetch_model_data(in_,
                       {options_.account, options_.role_arn, uri + target, true, "",
                        [this] { return cancelled_.load(); }, options_.region, options_.role_since},
                       folder);
  if (!fetched && fetched.error().code == codes::kInvalid)
    return no_such_model(target, fetched.error().message);
  if (fetched) fetched = in_.compute.volumes().publish(options_.volume);
  if (!fetched) {
    (void)remove_tree(folder);
    return fail("ServiceUnavailable", fetched.error().message, 503);
  }
  return options_.folder_in_container + folder.substr(options_.folder.size());
}

void LoadedModels::evict(std::uint64_t wanted_bytes) {
  while (!held_.empty() && bytes_ + wanted_bytes > options_.memory_bytes_max) {
    auto oldest =
        std::ranges::min_element(held_, {}, [](const auto& each) { return each.second.used; });
    bytes_ -= oldest->second.bytes;
    held_.erase(oldest);
  }
}

Result<std::shared_ptr<const infer::Model>> LoadedModels::load(const std::string& target) {
  {
    std::unique_lock lock(mutex_);
    loaded_.wait(lock, [&] { return !loading_.contains(target); });
    if (auto found = held_.find(target); found != held_.end()) {
      found->second.used = Clock::now();
      return found->second.model;
    }
    loading_.insert(target);
  }
  auto loaded = [&]() -> Result<std::shared_ptr<const infer::Model>> {
    TRY(fetch(target));
    const std::string folder = folder_of(target);
    const std::uint64_t bytes = folder_bytes(folder);
    if (bytes > options_.memory_bytes_max) {
      // A model that cannot be loaded is not kept: there are many targets and one disk.
      std::error_code ignored;
      if (!options_.prefix.empty()) fs::remove_all(folder, ignored);
      return fail("ServiceUnavailable",
                  "The model needs " + std::to_string(bytes) + " bytes; the container may use " +
                      std::to_string(options_.memory_bytes_max),
                  507);
    }
    // The one model of a variant was checked when it was deployed.
    Result<void> checked = options_.prefix.empty()
                               ? Result<void>()
                               : check_model_apart(options_.program_self, folder, options_.load);
    if (!checked)
      return fail("ModelError", "The model cannot be loaded: " + checked.error().message, 500);
    Result<std::unique_ptr<infer::Model>> made = infer::load_model(folder, options_.load);
    if (!made)
      return fail("ModelError", "The model cannot be loaded: " + made.error().message, 500);
    std::shared_ptr<const infer::Model> model = *std::move(made);
    std::lock_guard lock(mutex_);
    evict(bytes);
    bytes_ += bytes;
    held_[target] = {model, bytes, Clock::now()};
    return model;
  }();
  std::lock_guard lock(mutex_);
  loading_.erase(target);
  loaded_.notify_all();
  return loaded;
}

}  // namespace tidemill::services::sagemaker::hosting
