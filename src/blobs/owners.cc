#include "blobs/owners.h"

#include <filesystem>

#include "base/log.h"
#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

namespace {

constexpr const char* kOwnersFolder = "/owners";

bool valid_name(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";
  constexpr std::string_view kRest = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return !name.empty() && kLetters.find(name[0]) != std::string_view::npos &&
         name.find_first_not_of(kRest) == std::string_view::npos;
}

}  // namespace

Result<BlobStore*> BlobOwners::open(std::string_view owner) {
  if (auto found = stores_.find(owner); found != stores_.end()) return found->second.get();
  if (!valid_name(owner))
    return fail(codes::kInvalid, "'" + std::string(owner) + "' is not a valid owner of blobs");
  BlobOptions options = options_;
  if (owner != kS3) {
    TRY(make_directory(options_.directory));
    TRY(make_directory(options_.directory + kOwnersFolder));
    options.directory += kOwnersFolder;
    options.directory.append("/").append(owner);
  }
  std::unique_ptr<BlobStore> store = TRY(open_blob_store(std::move(options), random_));
  return stores_.emplace(owner, std::move(store)).first->second.get();
}

void BlobOwners::report_unopened() const {
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(options_.directory + kOwnersFolder, error))
    if (const std::string name = entry.path().filename().string(); !stores_.contains(name))
      log::warning("blobs of an unknown owner are left alone", {{"owner", name}});
}

void BlobOwners::delete_expired(Timestamp now) {
  for (const auto& [owner, store] : stores_) store->delete_expired(now);
}

BlobStatistics BlobOwners::statistics() const {
  BlobStatistics all;
  for (const auto& [owner, store] : stores_) {
    const BlobStatistics one = store->statistics();
    all.segments += one.segments;
    all.segment_bytes += one.segment_bytes;
    all.segment_live_bytes += one.segment_live_bytes;
    all.files_written += one.files_written;
    all.quarantine_files += one.quarantine_files;
    all.quarantine_bytes += one.quarantine_bytes;
    all.damaged_collections += one.damaged_collections;
  }
  return all;
}

std::string BlobOwners::why_not_collected() const {
  for (const auto& [owner, store] : stores_)
    if (std::string why = store->why_not_collected(); !why.empty()) return why;
  return std::string();
}

}  // namespace tidemill::blobs
