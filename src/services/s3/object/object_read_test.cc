// Reading, copying, deleting and tagging objects; S3 for other services.
#include "services/s3/testing/object_fixture.h"

namespace tidemill::services::s3 {
namespace {

TEST_F(ObjectTest, GetObject_ranges) {
  ASSERT_TRUE(put("k", "0123456789"));
  struct Case {
    std::string range, body, content_range;
    int status;
  };
  for (const Case& one : std::vector<Case>{{"bytes=0-4", "01234", "bytes 0-4/10", 206},
                                           {"bytes=5-", "56789", "bytes 5-9/10", 206},
                                           {"bytes=-3", "789", "bytes 7-9/10", 206},
                                           {"bytes=-30", "0123456789", "bytes 0-9/10", 206},
                                           {"bytes=8-99", "89", "bytes 8-9/10", 206},
                                           {"bytes=10-", "", "", 416},
                                           {"bytes=-0", "", "", 416},
                                           {"bytes=4-2", "0123456789", "", 200},
                                           {"lines=1-2", "0123456789", "", 200},
                                           {"bytes=0-1,3-4", "0123456789", "", 200}}) {
    model::GetObjectRequest request = of("k");
    request.range = one.range;
    Got got = get(request);
    EXPECT_EQ(got.status, one.status) << one.range;
    EXPECT_EQ(got.body, one.body) << one.range;
    EXPECT_EQ(got.output.content_range.value_or(""), one.content_range) << one.range;
    if (one.status == 416) {
      EXPECT_EQ(got.error.code, "InvalidRange");
    }
  }
}

TEST_F(ObjectTest, GetObject_conditions) {
  std::string etag = *put("k", "hello")->etag;
  Timestamp before = clock_.now();
  clock_.advance(std::chrono::seconds(60));
  Timestamp after = clock_.now();
  auto status = [&](auto change) {
    model::GetObjectRequest request = of("k");
    change(request);
    return get(request).status;
  };
  EXPECT_EQ(status([&](auto& r) { r.if_match = etag; }), 200);
  EXPECT_EQ(status([&](auto& r) { r.if_match = "\"other\""; }), 412);
  EXPECT_EQ(status([&](auto& r) { r.if_match = "\"other\", " + etag; }), 200);
  EXPECT_EQ(status([&](auto& r) { r.if_none_match = etag; }), 304);
  EXPECT_EQ(status([&](auto& r) { r.if_none_match = "\"other\""; }), 200);
  EXPECT_EQ(status([&](auto& r) { r.if_modified_since = before; }), 304);
  EXPECT_EQ(status([&](auto& r) { r.if_modified_since = Timestamp{0}; }), 200);
  EXPECT_EQ(status([&](auto& r) { r.if_unmodified_since = Timestamp{0}; }), 412);
  EXPECT_EQ(status([&](auto& r) { r.if_unmodified_since = after; }), 200);
  // RFC 9110: the tag decides, the date is not looked at.
  EXPECT_EQ(status([&](auto& r) {
              r.if_match = etag;
              r.if_unmodified_since = Timestamp{0};
            }),
            200);
  EXPECT_EQ(status([&](auto& r) {
              r.if_none_match = "\"o\"";
              r.if_modified_since = after;
            }),
            200);
  model::GetObjectRequest cached = of("k");
  cached.if_none_match = etag;
  EXPECT_EQ(get(cached).headers.at("ETag"), etag);
}

TEST_F(ObjectTest, GetObject_responseHeadersCanBeChosen) {
  ASSERT_TRUE(put("k", "hello"));
  model::GetObjectRequest request = of("k");
  request.response_content_type = "text/plain";
  request.response_content_disposition = "inline";
  Got got = get(request);
  EXPECT_EQ(got.output.content_type, "text/plain");
  EXPECT_EQ(got.output.content_disposition, "inline");
}

TEST_F(ObjectTest, GetObject_partNumberOfAWholeObject) {
  ASSERT_TRUE(put("k", "hello"));
  model::GetObjectRequest request = of("k");
  request.part_number = 1;
  EXPECT_EQ(get(request).body, "hello");
  request.part_number = 2;
  EXPECT_EQ(get(request).error.code, "InvalidPartNumber");
}

TEST_F(ObjectTest, GetObject_missing) {
  EXPECT_EQ(get("nothing").error.code, "NoSuchKey");
  model::GetObjectRequest request = of("k");
  request.bucket = "no-bucket";
  EXPECT_EQ(get(request).error.code, "NoSuchBucket");
  request = of("k");
  request.version_id = "abc";
  EXPECT_EQ(get(request).error.code, "InvalidArgument");
}

TEST_F(ObjectTest, HeadObject_saysWhatGetSays) {
  ASSERT_TRUE(put("k", "hello"));
  model::HeadObjectRequest request;
  request.bucket = "data";
  request.key = "k";
  auto head = call<op::HeadObject>(request);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->content_length, 5);
  EXPECT_EQ(head->etag, get("k").output.etag);
  request.key = "nothing";
  auto missing = call<op::HeadObject>(request);
  EXPECT_EQ(missing.error().http_status, 404);
}

TEST_F(ObjectTest, CopyObject_keepsOrReplacesMetadata) {
  model::PutObjectRequest original = to("dir/a b");
  original.metadata.emplace()["m"] = "1";
  original.content_type = "text/csv";
  original.tagging = "t=1";
  ASSERT_TRUE(put(original, "hello"));
  model::CopyObjectRequest copy;
  copy.bucket = "data";
  copy.key = "copy";
  copy.copy_source = "/data/dir/a%20b";
  auto output = call<op::CopyObject>(copy);
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->copy_object_result->etag, get("dir/a b").output.etag);
  Got got = get("copy");
  EXPECT_EQ(got.body, "hello");
  EXPECT_EQ(got.output.metadata->at("m"), "1");
  EXPECT_EQ(got.output.tag_count, 1);
  copy.metadata_directive = "REPLACE";
  copy.metadata.emplace()["n"] = "2";
  EXPECT_OK(call<op::CopyObject>(copy));
  got = get("copy");
  EXPECT_FALSE(got.output.metadata->contains("m"));
  EXPECT_EQ(got.output.content_type, "binary/octet-stream");
}

TEST_F(ObjectTest, CopyObject_ontoItselfMustChangeSomething) {
  ASSERT_TRUE(put("k", "hello"));
  model::CopyObjectRequest copy;
  copy.bucket = "data";
  copy.key = "k";
  copy.copy_source = "data/k";
  EXPECT_EQ(error_of<op::CopyObject>(copy), "InvalidRequest");
  copy.metadata_directive = "REPLACE";
  copy.metadata.emplace()["n"] = "2";
  EXPECT_EQ(error_of<op::CopyObject>(copy), "");
  EXPECT_EQ(get("k").body, "hello");
}

TEST_F(ObjectTest, CopyObject_conditionsAndBadSources) {
  std::string etag = *put("k", "hello")->etag;
  model::CopyObjectRequest copy;
  copy.bucket = "data";
  copy.key = "copy";
  copy.copy_source = "data/k";
  copy.copy_source_if_none_match = etag;
  EXPECT_EQ(error_of<op::CopyObject>(copy), "PreconditionFailed");
  copy.copy_source_if_none_match.reset();
  copy.copy_source_if_match = etag;
  EXPECT_EQ(error_of<op::CopyObject>(copy), "");
  copy.copy_source_if_match.reset();
  copy.copy_source = "data/missing";
  EXPECT_EQ(error_of<op::CopyObject>(copy), "NoSuchKey");
  copy.copy_source = "nonsense";
  EXPECT_EQ(error_of<op::CopyObject>(copy), "InvalidArgument");
}

TEST_F(ObjectTest, DeleteObject_succeedsAlsoWhenThereIsNone) {
  ASSERT_TRUE(put("k", "hello"));
  EXPECT_OK(call<op::DeleteObject>({"data", "k"}));
  EXPECT_EQ(get("k").status, 404);
  EXPECT_OK(call<op::DeleteObject>({"data", "k"}));
}

TEST_F(ObjectTest, DeleteObjects_quietAndLimits) {
  for (std::string key : {"a", "b", "c"}) ASSERT_TRUE(put(key, "x"));
  model::DeleteObjectsRequest request;
  request.bucket = "data";
  request.delete_.ensure().objects = {{"a"}, {"nothing"}};
  auto output = call<op::DeleteObjects>(request);
  ASSERT_TRUE(output);
  EXPECT_EQ(output->deleted->size(), 2u);
  EXPECT_EQ(get("a").status, 404);
  request.delete_->quiet = true;
  request.delete_->objects = {{"b"}};
  output = call<op::DeleteObjects>(request);
  ASSERT_TRUE(output);
  EXPECT_FALSE(output->deleted);
  EXPECT_EQ(get("c").status, 200);
  request.delete_->objects.assign(1001, {"x"});
  EXPECT_EQ(error_of<op::DeleteObjects>(request), "MalformedXML");
}

TEST_F(ObjectTest, ObjectTagging_roundTrips) {
  ASSERT_TRUE(put("k", "hello"));
  model::PutObjectTaggingRequest request;
  request.bucket = "data";
  request.key = "k";
  request.tagging.ensure().tag_set = {{"a", "1"}, {"b", "2"}};
  EXPECT_OK(call<op::PutObjectTagging>(request));
  EXPECT_EQ(call<op::GetObjectTagging>({"data", "k"})->tag_set.size(), 2u);
  EXPECT_EQ(get("k").body, "hello");
  EXPECT_OK(call<op::DeleteObjectTagging>({"data", "k"}));
  EXPECT_EQ(call<op::GetObjectTagging>({"data", "k"})->tag_set.size(), 0u);
  request.key = "missing";
  EXPECT_EQ(error_of<op::PutObjectTagging>(request), "NoSuchKey");
  request.key = "k";
  request.tagging->tag_set.assign(11, {"x", "y"});
  EXPECT_EQ(error_of<op::PutObjectTagging>(request), "BadRequest");
}

TEST_F(ObjectTest, GetObjectAttributes_onlyWhatIsAsked) {
  ASSERT_TRUE(put("k", "hello"));
  model::GetObjectAttributesRequest request;
  request.bucket = "data";
  request.key = "k";
  request.object_attributes = {"ETag", "ObjectSize"};
  auto output = call<op::GetObjectAttributes>(request);
  ASSERT_TRUE(output);
  EXPECT_EQ(output->etag, "5d41402abc4b2a76b9719d911017c592");
  EXPECT_EQ(output->object_size, 5);
  EXPECT_FALSE(output->storage_class);
}

TEST_F(ObjectTest, Objects_surviveARestartAndGarbageDoesNot) {
  ASSERT_TRUE(put("small", "hello"));
  ASSERT_TRUE(put("large", std::string(2 << 20, 'l')));
  // Blobs that no record names, as a crash between blob and index leaves them.
  ASSERT_TRUE(blobs_->put(std::string(5000, 'g')));
  auto orphan = blobs_->put(std::string(3 << 20, 'g'));
  ASSERT_TRUE(orphan);
  restart();
  EXPECT_EQ(get("small").body, "hello");
  EXPECT_EQ(get("large").body.size(), std::size_t(2 << 20));
  EXPECT_GE(blobs_->statistics().quarantine_files, 1u);
  EXPECT_TRUE(blobs_->read(*orphan)) << "a record that comes back finds its bytes";
}

TEST_F(ObjectTest, Interface_servesOtherServices) {
  StringSource body("a,b\n1,2\n");
  auto info =
      service_->put_object(kAccount, "data", "train/x.csv", body, {.content_type = "text/csv"});
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->size_bytes, 8u);
  EXPECT_EQ(get("train/x.csv").output.content_type, "text/csv");
  auto object = service_->get_object(kAccount, "data", "train/x.csv");
  ASSERT_TRUE(object);
  EXPECT_EQ(*read_all(*object->bytes, 100), "a,b\n1,2\n");
  std::string path = folder_ + "/out";
  EXPECT_OK(service_->get_object_to_file(kAccount, "data", "train/x.csv", path));
  EXPECT_OK(service_->put_object_from_file(kAccount, "data", "train/y.csv", path, {}));
  auto page = service_->list_objects(kAccount, "data", "train/", "", 1);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->objects.at(0).key, "train/x.csv");
  page = service_->list_objects(kAccount, "data", "train/", page->next, 10);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->objects.at(0).key, "train/y.csv");
  EXPECT_TRUE(page->next.empty());
  EXPECT_EQ(service_->get_object(kAccount, "data", "no").error().code, "NoSuchKey");
  EXPECT_EQ(service_->head_object(kOtherAccount, "data", "train/x.csv").error().code,
            "AccessDenied");
  EXPECT_EQ(
      service_->put_object_from_file(kAccount, "data", "z", folder_ + "/nothing", {}).error().code,
      "InternalError");
  EXPECT_EQ(parse_s3_uri("s3://data/train/x.csv")->key, "train/x.csv");
  EXPECT_FALSE(parse_s3_uri("/data/x"));
}

}  // namespace
}  // namespace tidemill::services::s3
