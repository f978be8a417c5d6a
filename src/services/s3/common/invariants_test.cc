#include "services/s3/common/invariants.h"

#include <gtest/gtest.h>

namespace tidemill::services::s3 {
namespace {

ObjectRecord object_of(std::uint64_t size) {
  ObjectRecord object;
  object.size = size;
  object.etag = "etag";
  if (size > 0) object.blob = blobs::BlobRef{"s/00000001/0", size, 1};
  return object;
}

TEST(S3Invariants, Bucket_withObjectLockIsVersioned) {
  BucketRecord bucket{.name = "b", .account = "1", .region = "r", .created = {}};
  EXPECT_EQ(invariant(bucket), "");
  bucket.versioning = "On";
  EXPECT_NE(invariant(bucket), "");
  bucket.versioning = "Suspended";
  EXPECT_EQ(invariant(bucket), "");
  bucket.object_lock = BucketLockRecord{};
  EXPECT_NE(invariant(bucket), "");
  bucket.versioning = "Enabled";
  EXPECT_EQ(invariant(bucket), "");
  bucket.object_lock->retention = DefaultRetentionRecord{"GOVERNANCE", 1, {}};
  EXPECT_EQ(invariant(bucket), "");
  bucket.object_lock->retention->years = 1;
  EXPECT_NE(invariant(bucket), "");
  bucket = {.name = "b", .account = "", .region = "r", .created = {}};
  EXPECT_NE(invariant(bucket), "");
}

TEST(S3Invariants, Tables_checkWhatIsWritten) {
  store::Transaction transaction;
  EXPECT_DEATH(bucket_table().put(transaction, "k", {}, 0), "s3_buckets.*k.*an owner");
  EXPECT_DEATH(object_table().put(transaction, "k", {}, 0), "s3_objects");
  EXPECT_DEATH(version_table().put(transaction, "k", {}, 0), "s3_versions");
  EXPECT_DEATH(upload_table().put(transaction, "k", {}, 0), "s3_uploads");
  EXPECT_DEATH(part_table().put(transaction, "k", {}, 0), "s3_parts");
}

TEST(S3Invariants, Object_isAsLargeAsItsBlobs) {
  EXPECT_EQ(invariant(object_of(0)), "");
  EXPECT_EQ(invariant(object_of(10)), "");
  ObjectRecord object = object_of(10);
  object.size = 11;
  EXPECT_NE(invariant(object), "");
  object = object_of(10);
  object.etag.clear();
  EXPECT_NE(invariant(object), "");
  object = object_of(10);
  object.blob->location.clear();
  EXPECT_NE(invariant(object), "");
}

TEST(S3Invariants, Parts_areInOrderAndInsteadOfABlob) {
  ObjectRecord object = object_of(0);
  object.size = 15;
  object.parts.emplace();
  object.parts->push_back({1, {"f/ab/1", 10, 1}, {}});
  object.parts->push_back({7, {"s/00000001/64", 5, 1}, {}});
  EXPECT_EQ(invariant(object), "");
  std::swap(object.parts->at(0).number, object.parts->at(1).number);
  EXPECT_NE(invariant(object), "");
  std::swap(object.parts->at(0).number, object.parts->at(1).number);
  object.blob = blobs::BlobRef{"s/00000001/0", 0, 1};
  EXPECT_NE(invariant(object), "");
}

TEST(S3Invariants, Uploads_andPartsSayWhereTheyBelong) {
  UploadRecord upload;
  upload.bucket = "b";
  upload.key = "k";
  EXPECT_NE(invariant(upload), "");
  upload.id = "i";
  EXPECT_EQ(invariant(upload), "");
  PartRecord part{"upload", 1, {"s/00000001/0", 5, 1}, "etag", {}, {}};
  EXPECT_EQ(invariant(part), "");
  for (int number : {0, -1, 10'001}) {
    part.number = number;
    EXPECT_NE(invariant(part), "") << number;
  }
}

}  // namespace
}  // namespace tidemill::services::s3
