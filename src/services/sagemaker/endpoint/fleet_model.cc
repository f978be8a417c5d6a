// Model data: from S3 into the fleet's folder, and into memory.
#include <filesystem>

#include "services/sagemaker/archive.h"
#include "services/sagemaker/endpoint/fleet_runner.h"
#include "services/sagemaker/endpoint/model_check.h"
#include "services/sagemaker/s3_uri.h"

namespace tidemill::services::sagemaker {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kUnpackedBytesMax = 64ull << 30;
constexpr std::size_t kObjectsPerPage = 1000;

std::unexpected<Error> deployment_failed(const std::string& reason) {
  return fail(kDeploymentFailed, reason);
}

// Errors that another try will not change.
bool is_the_users(const Error& error) {
  return error.code == "NoSuchBucket" || error.code == "NoSuchKey" ||
         error.code == "AccessDenied" || error.code == codes::kInvalid;
}

// Jobs run as other users: the model must be readable whatever the archive's modes were.
void make_readable(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator(folder, ignored)) {
    if (entry.is_symlink(ignored)) continue;
    const bool program = entry.is_directory(ignored) || (entry.status(ignored).permissions() &
                                                         fs::perms::owner_exec) != fs::perms::none;
    fs::perms modes = fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read |
                      fs::perms::others_read;
    if (program) modes |= fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;
    fs::permissions(entry.path(), modes, ignored);
  }
}

// A program that is the model server itself need not have come with the mode of one.
void make_program_executable(const fs::path& folder, const Variant& variant) {
  auto program = variant.environment.find("SAGEMAKER_PROGRAM");
  if (program == variant.environment.end() || program->second.ends_with(".py")) return;
  const std::string path = path_without_links(folder.string(), "code/" + program->second);
  std::error_code ignored;
  if (!path.empty())
    fs::permissions(path, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
                    fs::perm_options::add, ignored);
}

}  // namespace

Result<void> FleetRunner::fetch_model(const Endpoint& endpoint, const Variant& variant,
                                      const std::string& folder) {
  std::error_code error;
  if (fs::is_directory(folder, error)) return {};
  const std::string partial = folder + ".partial";
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (error) return fail(codes::kIo, "cannot make " + partial + ": " + error.message());
  if (!variant.data_uri.empty()) {
    Result<void> downloaded = download(endpoint, variant, partial);
    if (!downloaded && is_the_users(downloaded.error()))
      return deployment_failed("Failed to download model data for production variant " +
                               variant.name + " from " + variant.data_uri + ": " +
                               downloaded.error().message);
    if (!downloaded) return downloaded;
  }
  make_readable(partial);
  make_program_executable(partial, variant);
  fs::rename(partial, folder, error);
  if (error) return fail(codes::kIo, "cannot make " + folder + ": " + error.message());
  return {};
}

Result<void> FleetRunner::download(const Endpoint& endpoint, const Variant& variant,
                                   const std::string& folder) {
  const S3Uri uri = TRY(parse_s3_uri(variant.data_uri));
  if (variant.data_compressed) {
    const std::string archive = folder + ".tar.gz";
    TRY(in_.s3.get_object_to_file(endpoint.account, uri.bucket, uri.key, archive));
    Result<void> unpacked = unpack_tar(archive, folder, kUnpackedBytesMax);
    std::error_code ignored;
    fs::remove(archive, ignored);
    if (!unpacked && unpacked.error().code != codes::kStorageFull &&
        unpacked.error().code != codes::kIo)
      return fail(codes::kInvalid,
                  "the model archive cannot be unpacked: " + unpacked.error().message);
    return unpacked;
  }
  std::string after;
  do {
    s3::ObjectPage page =
        TRY(in_.s3.list_objects(endpoint.account, uri.bucket, uri.key, after, kObjectsPerPage));
    for (const s3::ObjectInfo& object : page.objects) {
      std::string relative = object.key.substr(uri.key.size());
      while (relative.starts_with('/')) relative.erase(0, 1);
      if (relative.empty()) relative = fs::path(object.key).filename().string();
      if (relative.empty() || object.key.ends_with('/')) continue;
      const std::string normal = fs::path(relative).lexically_normal().string();
      if (normal.starts_with("..") || normal.starts_with('/'))
        return fail(codes::kInvalid, "the key " + object.key + " leads outside the model's folder");
      std::error_code error;
      fs::create_directories(fs::path(folder + "/" + normal).parent_path(), error);
      TRY(in_.s3.get_object_to_file(endpoint.account, uri.bucket, object.key,
                                    folder + "/" + normal));
    }
    after = page.next;
  } while (!after.empty());
  return {};
}

Result<std::shared_ptr<const infer::Model>> FleetRunner::model(const Fleet& fleet,
                                                               std::size_t variant) {
  const std::string folder = variant_folder(fleet, static_cast<std::int64_t>(variant)) + "/model";
  std::lock_guard lock(mutex_);
  if (auto found = models_.find(folder); found != models_.end()) return found->second;
  std::unique_ptr<infer::Model> loaded = TRY(infer::load_model(folder));
  std::shared_ptr<const infer::Model> shared = std::move(loaded);
  models_[folder] = shared;
  return shared;
}

Result<void> FleetRunner::load_native(const Endpoint& endpoint, const Fleet& fleet,
                                      std::size_t index) {
  const Variant& variant = fleet.variants[index];
  Result<void> checked =
      check_model_apart(in_.settings.programs.self,
                        variant_folder(fleet, static_cast<std::int64_t>(index)) + "/model");
  if (!checked && checked.error().code == codes::kInvalid)
    return deployment_failed("The model of production variant " + variant.name +
                             " cannot be loaded: " + checked.error().message);
  if (!checked) return checked;
  auto loaded = model(fleet, index);
  if (!loaded && loaded.error().code == codes::kInvalid)
    return deployment_failed("The model of production variant " + variant.name +
                             " cannot be loaded: " + loaded.error().message);
  if (!loaded) return fail(loaded.error());
  const std::string line = "Loaded an XGBoost model with " +
                           std::to_string((*loaded)->feature_count()) +
                           " features and the objective " + (*loaded)->objective();
  return in_.logs.append(endpoint.account, endpoint.region, kEndpointLogGroup + endpoint.name,
                         instance_log_stream(variant, fleet.id, 0), {{in_.clock.now(), line}});
}

}  // namespace tidemill::services::sagemaker
