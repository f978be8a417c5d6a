#include "services/s3/common/records.h"

#include "services/s3/common/invariants.h"

#include <cstdio>

namespace tidemill::services::s3 {

TIDEMILL_RECORD_CODEC(TagRecord)
TIDEMILL_RECORD_CODEC(DefaultRetentionRecord)
TIDEMILL_RECORD_CODEC(BucketLockRecord)
TIDEMILL_RECORD_CODEC(GrantRecord)
TIDEMILL_RECORD_CODEC(AclRecord)
TIDEMILL_RECORD_CODEC(BucketRecord)
TIDEMILL_RECORD_CODEC(ChecksumRecord)
TIDEMILL_RECORD_CODEC(ObjectPartRecord)
TIDEMILL_RECORD_CODEC(LockRecord)
TIDEMILL_RECORD_CODEC(ObjectProperties)
TIDEMILL_RECORD_CODEC(ObjectRecord)
TIDEMILL_RECORD_CODEC(VersionRecord)
TIDEMILL_RECORD_CODEC(UploadRecord)
TIDEMILL_RECORD_CODEC(PartRecord)

namespace {
constexpr char kSeparator = '\x1f';

// In the keys of versions, the end of the object's key. It sorts before everything that can follow
// in a longer key, since the three lowest bytes are escaped there.
constexpr char kKeyEnd = '\x01';
constexpr char kEscape = '\x02';

void append_escaped(std::string& out, std::string_view key) {
  for (char byte : key) {
    if (static_cast<unsigned char>(byte) <= static_cast<unsigned char>(kEscape))
      out += {kEscape, char(byte + 1)};
    else
      out += byte;
  }
}
}  // namespace

std::vector<blobs::BlobRef> ObjectRecord::blobs() const {
  std::vector<blobs::BlobRef> refs;
  if (blob) refs.push_back(*blob);
  if (parts)
    for (const ObjectPartRecord& part : *parts) refs.push_back(part.blob);
  return refs;
}

const store::Table<BucketRecord>& bucket_table() {
  static const store::Table<BucketRecord> table("s3_buckets", {}, &invariant);
  return table;
}
const store::Table<ObjectRecord>& object_table() {
  static const store::Table<ObjectRecord> table("s3_objects", {}, &invariant);
  return table;
}
const store::Table<VersionRecord>& version_table() {
  static const store::Table<VersionRecord> table(
      "s3_versions",
      {{kNullVersionIndex,
        [](const VersionRecord& version) {
          std::vector<std::string> keys;
          if (!version.version_id) keys.push_back(version_row_prefix(version.bucket, version.key));
          return keys;
        }}},
      &invariant);
  return table;
}
const store::Table<UploadRecord>& upload_table() {
  static const store::Table<UploadRecord> table("s3_uploads", {}, &invariant);
  return table;
}
const store::Table<PartRecord>& part_table() {
  static const store::Table<PartRecord> table("s3_parts", {}, &invariant);
  return table;
}

std::string object_row_key(std::string_view bucket, std::string_view key) {
  std::string row_key;
  row_key.reserve(bucket.size() + 1 + key.size());
  row_key.append(bucket).append(1, kSeparator).append(key);
  return row_key;
}

std::string version_rows_of_keys(std::string_view bucket, std::string_view key_prefix) {
  std::string row_key;
  row_key.append(bucket).append(1, kSeparator);
  append_escaped(row_key, key_prefix);
  return row_key;
}

std::string version_row_prefix(std::string_view bucket, std::string_view key) {
  return version_rows_of_keys(bucket, key) + kKeyEnd;
}

std::string version_row_key(std::string_view bucket, std::string_view key, std::uint64_t order) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(~order));
  return version_row_prefix(bucket, key) + digits;
}

std::string upload_row_key(std::string_view bucket, std::string_view key, std::string_view id) {
  std::string row_key = object_row_key(bucket, key);
  row_key.append(1, kSeparator).append(id);
  return row_key;
}

std::string part_row_prefix(std::string_view upload_id) {
  return std::string(upload_id) + kSeparator;
}

std::string part_row_key(std::string_view upload_id, int number) {
  char digits[16];
  std::snprintf(digits, sizeof digits, "%05d", number);
  return part_row_prefix(upload_id) + digits;
}

}  // namespace tidemill::services::s3
