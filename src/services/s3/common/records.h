// What S3 keeps in the store, and where.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/value.h"
#include "blobs/blobs.h"
#include "store/table.h"

namespace tidemill::services::s3 {

struct TagRecord {
  std::string key;
  std::string value;
  bool operator==(const TagRecord&) const = default;
};
TIDEMILL_RECORD(TagRecord, (), (key, value))

struct BucketRecord {
  std::string name;
  std::string account;
  std::string region;
  Timestamp created;
  std::optional<std::vector<TagRecord>> tags;
};
TIDEMILL_RECORD(BucketRecord, (), (name, account, region, created, tags))

// A checksum the client asked for, as its header carries it: base64, with "-3" behind it for a
// composite of three parts.
struct ChecksumRecord {
  std::string algorithm;  // "CRC32"
  std::string value;
  std::string type;  // FULL_OBJECT, COMPOSITE
};
TIDEMILL_RECORD(ChecksumRecord, (), (algorithm, value, type))

struct ObjectPartRecord {
  int number = 0;
  blobs::BlobRef blob;
  std::optional<ChecksumRecord> checksum;
};
TIDEMILL_RECORD(ObjectPartRecord, (), (number, blob, checksum))

// What a client says about an object, apart from its bytes. Headers by their wire names, and only
// the few that S3 keeps: Content-Type, Cache-Control, ...
struct ObjectProperties {
  std::optional<std::map<std::string, std::string>> headers;
  std::optional<std::map<std::string, std::string>> metadata;
  std::optional<std::vector<TagRecord>> tags;
  std::optional<std::string> storage_class;  // absent: STANDARD
};
TIDEMILL_RECORD(ObjectProperties, (), (headers, metadata, tags, storage_class))

// Key: bucket \x1f object key. Either `blob` or `parts` holds the bytes: a multipart upload's parts
// become the object's as they lie.
struct ObjectRecord : ObjectProperties {
  std::uint64_t size = 0;
  std::string etag;  // without its quotes
  Timestamp modified;
  std::optional<blobs::BlobRef> blob;  // absent when empty or in parts
  std::optional<std::vector<ObjectPartRecord>> parts;
  std::optional<ChecksumRecord> checksum;
  std::optional<std::string> upload_id;  // the multipart upload it came from

  std::vector<blobs::BlobRef> blobs() const;
};
TIDEMILL_RECORD(ObjectRecord, (ObjectProperties),
                (size, etag, modified, blob, parts, checksum, upload_id))

// Key: bucket \x1f object key \x1f upload id.
struct UploadRecord : ObjectProperties {
  std::string bucket;
  std::string key;
  std::string id;
  std::string initiator;  // ARN
  Timestamp initiated;
  std::optional<std::string> checksum_algorithm;
  std::optional<std::string> checksum_type;
};
TIDEMILL_RECORD(UploadRecord, (ObjectProperties),
                (bucket, key, id, initiator, initiated, checksum_algorithm, checksum_type))

// Key: upload id \x1f five digits.
struct PartRecord {
  std::string upload_key;  // key of the upload's record
  int number = 0;
  blobs::BlobRef blob;
  std::string etag;
  Timestamp modified;
  std::optional<ChecksumRecord> checksum;
};
TIDEMILL_RECORD(PartRecord, (), (upload_key, number, blob, etag, modified, checksum))

const store::Table<BucketRecord>& bucket_table();
const store::Table<ObjectRecord>& object_table();
const store::Table<UploadRecord>& upload_table();
const store::Table<PartRecord>& part_table();

// Bucket names cannot hold the separator, so an object's key may be anything.
std::string object_row_key(std::string_view bucket, std::string_view key);
std::string upload_row_key(std::string_view bucket, std::string_view key, std::string_view id);
std::string part_row_key(std::string_view upload_id, int number);
std::string part_row_prefix(std::string_view upload_id);

}  // namespace tidemill::services::s3
