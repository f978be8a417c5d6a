#include "api/s3/listing.h"
#include "services/s3/testing/object_fixture.h"

namespace tidemill::services::s3 {
namespace {

class VersioningTest : public ObjectTest {
 protected:
  void set_versioning(const std::string& status) {
    model::PutBucketVersioningRequest request;
    request.bucket = "data";
    request.versioning_configuration.ensure().status = status;
    EXPECT_OK(call<op::PutBucketVersioning>(request));
  }
  std::string put_version(const std::string& key, std::string body) {
    auto output = put(key, std::move(body));
    EXPECT_TRUE(output);
    return output ? output->version_id.value_or("") : "";
  }
  Got get_version(const std::string& key, const std::string& version_id) {
    model::GetObjectRequest request = of(key);
    request.version_id = version_id;
    return get(request);
  }
  model::DeleteObjectOutput remove(const std::string& key,
                                   std::optional<std::string> version_id = {}) {
    model::DeleteObjectRequest request;
    request.bucket = "data";
    request.key = key;
    request.version_id = std::move(version_id);
    auto output = call<op::DeleteObject>(request);
    EXPECT_TRUE(output);
    return output ? *output : model::DeleteObjectOutput{};
  }
  std::size_t rows_of_version_table() {
    store::Scan scan{.table = version_table().name()};
    return store_->scan(scan)->rows.size();
  }
};

TEST_F(VersioningTest, PutBucketVersioning_refusesWhatItCannotDo) {
  model::PutBucketVersioningRequest request;
  request.bucket = "data";
  EXPECT_EQ(error_of<op::PutBucketVersioning>(request), "MalformedXML");
  request.versioning_configuration.ensure();
  EXPECT_EQ(error_of<op::PutBucketVersioning>(request), "IllegalVersioningConfigurationException");
  request.versioning_configuration->status = "On";
  EXPECT_EQ(error_of<op::PutBucketVersioning>(request), "MalformedXML");
  request.versioning_configuration->status = "Enabled";
  request.versioning_configuration->mfa_delete = "Enabled";
  EXPECT_EQ(error_of<op::PutBucketVersioning>(request), "NotImplemented");
  EXPECT_FALSE(call<op::GetBucketVersioning>({"data"})->status);
}

TEST_F(VersioningTest, Versions_keepTheirBytes) {
  EXPECT_OK(put("k", "before"));
  set_versioning("Enabled");
  const std::string first = put_version("k", "first");
  const std::string second = put_version("k", "second");
  EXPECT_NE(first, second);
  EXPECT_EQ(get("k").body, "second");
  EXPECT_EQ(get("k").output.version_id, second);
  EXPECT_EQ(get_version("k", first).body, "first");
  EXPECT_EQ(get_version("k", "null").body, "before");
  EXPECT_EQ(get_version("k", "null").output.version_id, "null");
  EXPECT_EQ(get_version("k", std::string(32, 'a')).error.code, "NoSuchVersion");
  EXPECT_EQ(get_version("k", "short").error.code, "InvalidArgument");
}

TEST_F(VersioningTest, Unversioned_bucketsSayNothingOfVersions) {
  auto output = put("k", "x");
  ASSERT_TRUE(output);
  EXPECT_FALSE(output->version_id);
  EXPECT_FALSE(get("k").output.version_id);
  EXPECT_EQ(get_version("k", "null").body, "x");
  EXPECT_EQ(get_version("k", std::string(32, 'a')).error.code, "NoSuchVersion");
  EXPECT_FALSE(remove("k").delete_marker);
}

TEST_F(VersioningTest, DeleteMarker_hidesTheObject) {
  set_versioning("Enabled");
  const std::string version = put_version("k", "x");
  const model::DeleteObjectOutput marker = remove("k");
  EXPECT_EQ(marker.delete_marker, true);
  Got hidden = get("k");
  EXPECT_EQ(hidden.error.code, "NoSuchKey");
  EXPECT_EQ(hidden.headers["x-amz-delete-marker"], "true");
  EXPECT_EQ(hidden.headers["x-amz-version-id"], marker.version_id);
  Got itself = get_version("k", *marker.version_id);
  EXPECT_EQ(itself.status, 405);
  EXPECT_EQ(itself.error.code, "MethodNotAllowed");
  EXPECT_EQ(itself.headers["x-amz-delete-marker"], "true");
  EXPECT_EQ(itself.headers["Allow"], "DELETE");
  EXPECT_EQ(get_version("k", version).body, "x");
  // Without the marker the object is there again.
  EXPECT_EQ(remove("k", marker.version_id).delete_marker, true);
  EXPECT_EQ(get("k").body, "x");
  EXPECT_EQ(get("k").output.version_id, version);
}

TEST_F(VersioningTest, DeleteMarker_isMadeForAKeyThatNeverWas) {
  set_versioning("Enabled");
  EXPECT_EQ(remove("nothing").delete_marker, true);
  EXPECT_EQ(error_of<op::DeleteBucket>({"data"}), "BucketNotEmpty");
}

TEST_F(VersioningTest, Suspended_bucketsReplaceTheNullVersionOnly) {
  set_versioning("Enabled");
  const std::string version = put_version("k", "kept");
  set_versioning("Suspended");
  EXPECT_EQ(put_version("k", "one"), "null");
  EXPECT_EQ(put_version("k", "two"), "null");
  EXPECT_EQ(get("k").body, "two");
  EXPECT_EQ(get_version("k", version).body, "kept");
  EXPECT_EQ(remove("k").version_id, "null");
  EXPECT_EQ(get("k").error.code, "NoSuchKey");
  EXPECT_EQ(get_version("k", "null").error.code, "MethodNotAllowed");
  // The version and the marker.
  EXPECT_EQ(rows_of_version_table(), 2u);
}

TEST_F(VersioningTest, Conditions_areOfTheCurrentObject) {
  set_versioning("Enabled");
  put_version("k", "x");
  model::PutObjectRequest request = to("k");
  request.if_none_match = "*";
  EXPECT_EQ(put_error(request), "PreconditionFailed");
  remove("k");
  EXPECT_EQ(put_error(request), "");
  request.if_none_match.reset();
  request.if_match = "\"no\"";
  EXPECT_EQ(put_error(request), "PreconditionFailed");
}

TEST_F(VersioningTest, CopyObject_restoresAnOlderVersion) {
  set_versioning("Enabled");
  const std::string old = put_version("k", "old");
  put_version("k", "new");
  model::CopyObjectRequest request;
  request.bucket = "data";
  request.key = "k";
  request.copy_source = "data/k?versionId=" + old;
  auto copied = call<op::CopyObject>(request);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ(copied->copy_source_version_id, old);
  EXPECT_EQ(get("k").body, "old");
  EXPECT_EQ(get("k").output.version_id, copied->version_id);
  const std::string marker = *remove("k").version_id;
  request.copy_source = "data/k?versionId=" + marker;
  EXPECT_EQ(error_of<op::CopyObject>(request), "InvalidRequest");
  request.copy_source = "data/k";
  EXPECT_EQ(error_of<op::CopyObject>(request), "NoSuchKey");
}

TEST_F(VersioningTest, DeletedVersions_freeTheirBytes) {
  set_versioning("Enabled");
  const std::string body(3 << 20, 'x');  // in a file of its own
  const std::string first = put_version("k", body);
  const std::string second = put_version("k", body);
  const auto files = [&] {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/blobs"))
      if (entry.is_regular_file() && entry.file_size() >= body.size()) ++count;
    return count;
  };
  EXPECT_EQ(files(), 2u);
  remove("k", first);
  EXPECT_EQ(files(), 1u);
  remove("k");
  EXPECT_EQ(files(), 1u);
  restart();
  EXPECT_EQ(get_version("k", second).body, body);
  remove("k", second);
  EXPECT_EQ(files(), 0u);
}

}  // namespace
}  // namespace tidemill::services::s3
