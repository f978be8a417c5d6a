#include "services/s3/common/invariants.h"

#include <utility>

namespace tidemill::services::s3 {

std::string_view invariant(const BucketRecord& bucket) {
  if (bucket.name.empty() || bucket.account.empty())
    return "a bucket must have a name and an owner";
  if (bucket.versioning && *bucket.versioning != "Enabled" && *bucket.versioning != "Suspended")
    return "versioning must be Enabled, Suspended or not set";
  if (!bucket.object_lock) return {};
  if (bucket.versioning != "Enabled") return "a bucket with object lock must have versioning";
  const auto& retention = bucket.object_lock->retention;
  if (retention && retention->days.has_value() == retention->years.has_value())
    return "a default retention must be either in days or in years";
  return {};
}

std::string_view invariant(const ObjectRecord& object) {
  if (object.lock && object.lock->mode.has_value() != object.lock->retain_until.has_value())
    return "a retention must have both a mode and an end";
  if (object.is_delete_marker()) return "an object must not be a delete marker";
  if (object.etag.empty()) return "an object must have an ETag";
  if (object.blob && object.parts)
    return "an object's bytes must not be both in a blob and in parts";
  std::uint64_t size_bytes = 0;
  for (const blobs::BlobRef& blob : object.blobs()) size_bytes += blob.size_bytes;
  if (size_bytes != object.size) return "an object's blobs must be as large as the object";
  if (object.blob && object.blob->location.empty()) return "an object's blob must have a location";
  int last = 0;
  for (const ObjectPartRecord& part : object.parts.value_or(std::vector<ObjectPartRecord>()))
    if (const int before = std::exchange(last, part.number); part.number <= before)
      return "an object's parts must be in the order of their numbers, from 1";
  return {};
}

std::string_view invariant(const VersionRecord& version) {
  if (version.bucket.empty() || version.key.empty())
    return "a version must have a bucket and a key";
  if (!version.is_delete_marker()) return invariant(static_cast<const ObjectRecord&>(version));
  if (version.size != 0 || version.blob || version.parts || !version.etag.empty())
    return "a delete marker must not have bytes";
  return {};
}

std::string_view invariant(const UploadRecord& upload) {
  if (upload.bucket.empty() || upload.key.empty() || upload.id.empty())
    return "an upload must have a bucket, a key and an id";
  return {};
}

std::string_view invariant(const PartRecord& part) {
  constexpr int kNumberMax = 10'000;
  if (part.number < 1 || part.number > kNumberMax)
    return "a part's number must be from 1 to 10,000";
  if (part.upload_key.empty() || part.etag.empty()) return "a part must have an upload and an ETag";
  if (part.blob.location.empty() != (part.blob.size_bytes == 0))
    return "a part must have a location exactly if it is not empty";
  return {};
}

}  // namespace tidemill::services::s3
