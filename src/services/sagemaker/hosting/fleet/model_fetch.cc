#include "services/sagemaker/hosting/fleet/model_fetch.h"

#include <algorithm>
#include <filesystem>

#include "services/platform/archives/archive.h"
#include "services/sagemaker/common/s3_uri.h"
#include "services/sagemaker/common/stoppable.h"

namespace tidemill::services::sagemaker::hosting {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kUnpackedBytesMax = 64ull << 30;
// Of the disk, for the server's own records: a small archive can unpack to more than there is.
constexpr std::uint64_t kDiskBytesLeft = 256ull << 20;
constexpr std::size_t kObjectsPerPage = 1000;
// Where a container finds its model, and so what links in its archive may be written with.
constexpr const char* kModelFolder = "/opt/ml/model";

// Errors that another try will not change.
bool is_the_users(const Error& error) {
  return error.code == "NoSuchBucket" || error.code == "NoSuchKey" ||
         error.code == "AccessDenied" || error.code == codes::kInvalid;
}

// Jobs run as other users: the model must be readable whatever the archive's modes were.
void make_readable(const fs::path& folder) {
  std::error_code ignored;
  for (auto walk = fs::recursive_directory_iterator(folder, ignored);
       walk != fs::recursive_directory_iterator(); walk.increment(ignored)) {
    const fs::directory_entry& entry = *walk;
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
void make_program_executable(const fs::path& folder, const std::string& program) {
  if (program.empty() || program.ends_with(".py")) return;
  const std::string path = platform::path_without_links(folder.string(), "code/" + program);
  std::error_code ignored;
  if (!path.empty())
    fs::permissions(path, fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec,
                    fs::perm_options::add, ignored);
}

Result<void> unpack(s3::S3Interface& s3, const ModelFetch& fetch, const S3Uri& uri,
                    const std::string& folder, platform::StopCheck& stop) {
  const std::string archive = folder + ".tar.gz";
  TRY(s3.get_object_to_file(fetch.account, uri.bucket, uri.key, archive));
  std::error_code ignored;
  const fs::space_info disk = fs::space(folder, ignored);
  const std::uint64_t room =
      ignored ? kUnpackedBytesMax : disk.available - std::min(disk.available, kDiskBytesLeft);
  Result<void> unpacked =
      platform::unpack_tar(archive, folder, std::min(kUnpackedBytesMax, room), &stop);
  fs::remove(archive, ignored);
  if (!unpacked) TRY(stop.check());
  if (!unpacked && unpacked.error().code == codes::kOverloaded && room < kUnpackedBytesMax)
    return fail(codes::kStorageFull,
                "the disk has no room for the model: " + unpacked.error().message);
  if (!unpacked && unpacked.error().code != codes::kStorageFull &&
      unpacked.error().code != codes::kIo)
    return fail(codes::kInvalid, "The model archive " + fetch.uri +
                                     " cannot be unpacked: " + unpacked.error().message + ".");
  TRY(unpacked);
  return platform::confine_links(folder, kModelFolder);
}

// "models/a" is the object of that name and what lies below it, not "models/ab/x".
bool belongs(const std::string& key, const std::string& prefix) {
  if (prefix.empty() || prefix.ends_with('/')) return key.starts_with(prefix);
  return key == prefix || key.starts_with(prefix + "/");
}

Result<void> copy_object(s3::S3Interface& s3, const ModelFetch& fetch, const S3Uri& uri,
                         const std::string& key, const std::string& folder) {
  std::string relative = key.substr(uri.key.size());
  while (relative.starts_with('/')) relative.erase(0, 1);
  if (relative.empty()) relative = fs::path(key).filename().string();
  if (relative.empty() || key.ends_with('/')) return {};
  const std::string normal = fs::path(relative).lexically_normal().string();
  if (normal.starts_with("..") || normal.starts_with('/'))
    return fail(codes::kInvalid, "the key " + key + " leads outside the model's folder");
  std::error_code error;
  fs::create_directories(fs::path(folder + "/" + normal).parent_path(), error);
  TRY(s3.get_object_to_file(fetch.account, uri.bucket, key, folder + "/" + normal));
  return {};
}

Result<void> download(s3::S3Interface& s3, const ModelFetch& fetch, const std::string& folder,
                      platform::StopCheck& stop) {
  const S3Uri uri = TRY(parse_s3_uri(fetch.uri));
  if (fetch.compressed) return unpack(s3, fetch, uri, folder, stop);
  std::string after;
  do {
    s3::ObjectPage page =
        TRY(s3.list_objects(fetch.account, uri.bucket, uri.key, after, kObjectsPerPage));
    for (const s3::ObjectInfo& object : page.objects)
      if (belongs(object.key, uri.key)) TRY(copy_object(s3, fetch, uri, object.key, folder));
    after = page.next;
  } while (!after.empty());
  return {};
}

}  // namespace

Result<void> fetch_model_data(const Dependencies& in, const ModelFetch& fetch,
                              const std::string& folder) {
  std::error_code error;
  if (fs::is_directory(folder, error)) return {};
  const std::string partial = folder + ".partial";
  fs::remove_all(partial, error);
  fs::create_directories(partial, error);
  if (error) return fail(codes::kIo, "cannot make " + partial + ": " + error.message());
  if (!fetch.uri.empty()) {
    platform::StopCheck stop({}, fetch.stopped);
    const auto role_s3 = in.s3_as({fetch.role_arn, fetch.account, fetch.region, fetch.role_since});
    StoppableS3 s3(*role_s3, stop);
    Result<void> downloaded = download(s3, fetch, partial, stop);
    if (!downloaded) {
      fs::remove_all(partial, error);
      fs::remove(partial + ".tar.gz", error);
    }
    if (!downloaded && is_the_users(downloaded.error()))
      return fail(codes::kInvalid, downloaded.error().message);
    if (!downloaded) return downloaded;
  }
  make_readable(partial);
  make_program_executable(partial, fetch.program);
  fs::rename(partial, folder, error);
  if (error) return fail(codes::kIo, "cannot make " + folder + ": " + error.message());
  return {};
}

}  // namespace tidemill::services::sagemaker::hosting
