#include "services/s3/common/records.h"

#include <cstdio>

namespace tidemill::services::s3 {

TIDEMILL_RECORD_CODEC(TagRecord)
TIDEMILL_RECORD_CODEC(BucketRecord)
TIDEMILL_RECORD_CODEC(ChecksumRecord)
TIDEMILL_RECORD_CODEC(ObjectPartRecord)
TIDEMILL_RECORD_CODEC(ObjectProperties)
TIDEMILL_RECORD_CODEC(ObjectRecord)
TIDEMILL_RECORD_CODEC(UploadRecord)
TIDEMILL_RECORD_CODEC(PartRecord)

namespace {
constexpr char kSeparator = '\x1f';
}

std::vector<blobs::BlobRef> ObjectRecord::blobs() const {
  std::vector<blobs::BlobRef> refs;
  if (blob) refs.push_back(*blob);
  if (parts)
    for (const ObjectPartRecord& part : *parts) refs.push_back(part.blob);
  return refs;
}

const store::Table<BucketRecord>& bucket_table() {
  static const store::Table<BucketRecord> table("s3_buckets");
  return table;
}
const store::Table<ObjectRecord>& object_table() {
  static const store::Table<ObjectRecord> table("s3_objects");
  return table;
}
const store::Table<UploadRecord>& upload_table() {
  static const store::Table<UploadRecord> table("s3_uploads");
  return table;
}
const store::Table<PartRecord>& part_table() {
  static const store::Table<PartRecord> table("s3_parts");
  return table;
}

std::string object_row_key(std::string_view bucket, std::string_view key) {
  std::string row_key;
  row_key.reserve(bucket.size() + 1 + key.size());
  row_key.append(bucket).append(1, kSeparator).append(key);
  return row_key;
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
