// S3's records in the store, with their tables and keys.
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

// How long new objects of a bucket with object lock are kept: days or years.
struct DefaultRetentionRecord {
  std::string mode;  // GOVERNANCE, COMPLIANCE
  std::optional<std::int64_t> days;
  std::optional<std::int64_t> years;
};
TIDEMILL_RECORD(DefaultRetentionRecord, (), (mode, days, years))

struct BucketLockRecord {
  std::optional<DefaultRetentionRecord> retention;
};
TIDEMILL_RECORD(BucketLockRecord, (), (retention))

// One entry of an access control list.
struct GrantRecord {
  std::string grantee;  // a canonical user id, or the URI of a group
  std::string permission;
  bool operator==(const GrantRecord&) const = default;
};
TIDEMILL_RECORD(GrantRecord, (), (grantee, permission))

struct AclRecord {
  std::string owner;  // an account
  std::vector<GrantRecord> grants;
};
TIDEMILL_RECORD(AclRecord, (), (owner, grants))

struct BucketRecord {
  std::string name;
  std::string account;
  std::string region;
  Timestamp created;
  std::optional<std::vector<TagRecord>> tags = std::nullopt;
  std::optional<std::string> versioning = std::nullopt;  // Enabled, Suspended; absent: never was
  std::optional<BucketLockRecord> object_lock = std::nullopt;
  std::optional<std::string> ownership = std::nullopt;  // absent: BucketOwnerEnforced
  std::optional<std::string> policy = std::nullopt;     // the document
  // Configurations as the client sent them, by the name of their subresource ("cors").
  std::optional<std::map<std::string, Value>> configurations = std::nullopt;
  std::optional<AclRecord> acl = std::nullopt;  // absent: the owner alone has access
};
TIDEMILL_RECORD(BucketRecord, (),
                (name, account, region, created, tags, versioning, object_lock, ownership, policy,
                 configurations, acl))

// A checksum as its header carries it: base64, with "-3" behind it for a composite of three
// parts.
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

// The locks that keep a version from being deleted.
struct LockRecord {
  std::optional<std::string> mode;  // GOVERNANCE, COMPLIANCE; with retain_until
  std::optional<Timestamp> retain_until;
  std::optional<bool> legal_hold;  // absent: never set
};
TIDEMILL_RECORD(LockRecord, (), (mode, retain_until, legal_hold))

// The properties that a client gives an object besides its bytes. Headers by their wire names, and
// only the few that S3 keeps: Content-Type, Cache-Control, ...
struct ObjectProperties {
  std::optional<std::map<std::string, std::string>> headers;
  std::optional<std::map<std::string, std::string>> metadata;
  std::optional<std::vector<TagRecord>> tags;
  std::optional<std::string> storage_class;  // absent: STANDARD
  std::optional<LockRecord> lock;
  // Absent: the object belongs to the bucket's owner, who alone has access.
  std::optional<AclRecord> acl;
};
TIDEMILL_RECORD(ObjectProperties, (), (headers, metadata, tags, storage_class, lock, acl))

// Key: bucket \x1f object key. Either `blob` or `parts` holds the bytes: a multipart upload's parts
// become the object's as they lie. The table of objects has one row for each key whose newest
// version is an object; its other versions and its delete markers are in the table of versions.
struct ObjectRecord : ObjectProperties {
  std::uint64_t size = 0;
  std::string etag;  // without its quotes
  Timestamp modified;
  std::optional<blobs::BlobRef> blob;  // absent when empty or in parts
  std::optional<std::vector<ObjectPartRecord>> parts;
  std::optional<ChecksumRecord> checksum;
  std::optional<std::string> upload_id;   // the multipart upload it came from
  std::optional<std::string> version_id;  // absent: the null version
  // Orders the versions of a key. Absent in buckets that never were versioned.
  std::optional<std::uint64_t> sequence;
  std::optional<bool> delete_marker;  // then it has no bytes and no ETag
  // Until when an archived object can be read.
  std::optional<Timestamp> restored_until;

  std::vector<blobs::BlobRef> blobs() const;
  // The sequence; of an object from before the bucket was versioned, the time of its writing.
  std::uint64_t order() const { return sequence.value_or(std::uint64_t(modified.microseconds)); }
  bool is_delete_marker() const { return delete_marker.value_or(false); }
};
TIDEMILL_RECORD(ObjectRecord, (ObjectProperties),
                (size, etag, modified, blob, parts, checksum, upload_id, version_id, sequence,
                 delete_marker, restored_until))

// A version that is not the current object: an older one, or a delete marker. Key:
// version_row_key().
struct VersionRecord : ObjectRecord {
  std::string bucket;
  std::string key;
};
TIDEMILL_RECORD(VersionRecord, (ObjectRecord), (bucket, key))

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
  std::optional<std::string> crc64nvme;  // base64; of uploads that name no algorithm
};
TIDEMILL_RECORD(PartRecord, (), (upload_key, number, blob, etag, modified, checksum, crc64nvme))

const store::Table<BucketRecord>& bucket_table();
const store::Table<ObjectRecord>& object_table();
// Its index by_null_version has the null version of each key, under version_row_prefix().
const store::Table<VersionRecord>& version_table();
inline constexpr const char* kNullVersionIndex = "by_null_version";
const store::Table<UploadRecord>& upload_table();
const store::Table<PartRecord>& part_table();

// Bucket names cannot hold the separator, so an object's key may be anything.
std::string object_row_key(std::string_view bucket, std::string_view key);
// The prefix of the rows of a key's versions. Rows sort by key, as the objects' do, and by
// descending order within a key.
std::string version_row_prefix(std::string_view bucket, std::string_view key);
std::string version_row_key(std::string_view bucket, std::string_view key, std::uint64_t order);
// The prefix of the rows of all keys with this prefix.
std::string version_rows_of_keys(std::string_view bucket, std::string_view key_prefix);
std::string upload_row_key(std::string_view bucket, std::string_view key, std::string_view id);
std::string part_row_key(std::string_view upload_id, int number);
std::string part_row_prefix(std::string_view upload_id);

}  // namespace tidemill::services::s3
