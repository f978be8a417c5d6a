#include "compute/volumes.h"

#include <algorithm>
#include <filesystem>

#include "base/file_tree.h"

namespace tidemill::compute {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameBytesMax = 1024;

// Parts like those of a path that leads nowhere else.
bool is_plain(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && name.size() <= kNameBytesMax && !name.contains("//") &&
         path.is_relative() && std::ranges::none_of(path, [](const fs::path& part) {
           return part.empty() || part == "." || part == "..";
         });
}

Result<void> make_folder(const fs::path& path, fs::perms modes) {
  std::error_code problem;
  const bool is_new = fs::create_directory(path, problem);
  if (is_new) fs::permissions(path, modes, problem);
  if (problem) return fail(codes::kIo, "make " + path.string() + ": " + problem.message());
  return {};
}

}  // namespace

LocalVolumes::LocalVolumes(std::string directory, std::vector<std::string> owners)
    : directory_(std::move(directory)), owners_(std::move(owners)) {}

Result<void> LocalVolumes::check(const std::string& name) const {
  const bool owned =
      owners_.empty() ||
      (is_plain(name) &&
       std::ranges::find(owners_, fs::path(name).begin()->string()) != owners_.end());
  if (is_plain(name) && owned) return {};
  return fail(codes::kInvalid, "'" + name + "' is not a valid name of a volume");
}

std::string LocalVolumes::folder(const std::string& name) const { return directory_ + "/" + name; }

Result<void> LocalVolumes::make(const std::string& name) {
  TRY(check(name));
  fs::path path(directory_);
  std::error_code problem;
  fs::create_directories(path, problem);
  const fs::path parts(name);
  for (auto part = parts.begin(); part != parts.end(); ++part) {
    path /= *part;
    const bool last = std::next(part) == parts.end();
    // Jobs run as other users and see nothing but their mounts.
    TRY(make_folder(path, last ? fs::perms(0755) : fs::perms::owner_all));
  }
  return {};
}

Result<void> LocalVolumes::publish(const std::string& name) { return check(name); }
Result<void> LocalVolumes::collect(const std::string& name) { return check(name); }

Result<void> LocalVolumes::remove(const std::string& name) {
  TRY(check(name));
  return remove_tree(folder(name));
}

}  // namespace tidemill::compute
