#include "services/s3/listing/listing.h"

#include "api/s3/bucket.h"
#include "api/s3/object.h"
#include "services/s3/testing/fixture.h"

namespace tidemill::services::s3 {
namespace {

namespace op = model::operations;
using Strings = std::vector<std::string>;

class ListingTest : public S3Test {
 protected:
  ListingTest() {
    model::CreateBucketRequest request;
    request.bucket = "data";
    EXPECT_OK(call<op::CreateBucket>(request));
  }
  void put(const Strings& keys) {
    for (const std::string& key : keys) {
      StringSource body("");  // needs no sync, which makes thousands of them quick
      ASSERT_TRUE(service_->put_object(kAccount, "data", key, body, {}));
    }
  }
  // Keys, and prefixes as "prefix*", over all pages.
  Strings list(model::ListObjectsV2Request request, int* pages = nullptr) {
    request.bucket = "data";
    Strings found;
    while (true) {
      auto page = call<op::ListObjectsV2>(request);
      if (!page) {
        found.push_back(page.error().code);
        return found;
      }
      if (pages) ++*pages;
      std::size_t count = 0;
      if (page->contents)
        for (const model::Object& object : *page->contents) found.push_back(*object.key), ++count;
      if (page->common_prefixes)
        for (const auto& prefix : *page->common_prefixes)
          found.push_back(*prefix.prefix + "*"), ++count;
      EXPECT_EQ(page->key_count, std::int64_t(count));
      EXPECT_EQ(page->is_truncated, page->next_continuation_token.has_value());
      if (!page->next_continuation_token) return found;
      request.continuation_token = page->next_continuation_token;
    }
  }
};

TEST_F(ListingTest, ListObjectsV2_inByteOrder) {
  put({"b", "a", "a/b", "a-b", "\xc3\xa4", "B"});
  EXPECT_EQ(list({}), (Strings{"B", "a", "a-b", "a/b", "b", "\xc3\xa4"}));
}

TEST_F(ListingTest, ListObjectsV2_foldsCommonPrefixes) {
  put({"photos/2006/a", "photos/2006/b", "photos/2007/a", "photos/x", "sample", "videos/a"});
  model::ListObjectsV2Request request;
  request.delimiter = "/";
  EXPECT_EQ(list(request), (Strings{"sample", "photos/*", "videos/*"}));
  request.prefix = "photos/";
  EXPECT_EQ(list(request), (Strings{"photos/x", "photos/2006/*", "photos/2007/*"}));
  request.prefix = "pho";
  EXPECT_EQ(list(request), (Strings{"photos/*"}));
  request.prefix = "none";
  EXPECT_EQ(list(request), Strings{});
}

TEST_F(ListingTest, ListObjectsV2_countsPrefixesTowardsThePage) {
  put({"a/1", "a/2", "b", "c/1", "c/2", "d"});
  model::ListObjectsV2Request request;
  request.delimiter = "/";
  request.max_keys = 1;
  int pages = 0;
  EXPECT_EQ(list(request, &pages), (Strings{"a/*", "b", "c/*", "d"}));
  EXPECT_EQ(pages, 4);
  request.max_keys = 2;
  pages = 0;
  EXPECT_EQ(list(request, &pages), (Strings{"b", "a/*", "d", "c/*"}));
  EXPECT_EQ(pages, 2);
}

TEST_F(ListingTest, ListObjectsV2_skipsLargePrefixesAcrossScans) {
  Strings keys;
  for (int i = 0; i < 2500; ++i) keys.push_back("big/" + std::to_string(i));
  keys.push_back("after");
  keys.push_back("zzz");
  put(keys);
  model::ListObjectsV2Request request;
  request.delimiter = "/";
  EXPECT_EQ(list(request), (Strings{"after", "zzz", "big/*"}));
  int pages = 0;
  EXPECT_EQ(list({}, &pages).size(), 2502u);
  EXPECT_EQ(pages, 3);
}

TEST_F(ListingTest, ListObjectsV2_startAfter) {
  put({"a", "b", "c/1", "c/2", "d"});
  model::ListObjectsV2Request request;
  request.start_after = "b";
  EXPECT_EQ(list(request), (Strings{"c/1", "c/2", "d"}));
  request.start_after = "c/1";
  request.delimiter = "/";
  EXPECT_EQ(list(request), (Strings{"d", "c/*"}));
  request.start_after = "zz";
  EXPECT_EQ(list(request), Strings{});
}

TEST_F(ListingTest, ListObjectsV2_maxKeysZeroAndBad) {
  put({"a"});
  model::ListObjectsV2Request request;
  request.max_keys = 0;
  EXPECT_EQ(list(request), Strings{});
  request.max_keys = -1;
  EXPECT_EQ(list(request), Strings{"InvalidArgument"});
  request.max_keys = 5000;
  request.bucket = "data";
  EXPECT_EQ(call<op::ListObjectsV2>(request)->max_keys, 1000);
  request.continuation_token = "***";
  EXPECT_EQ(list(request), Strings{"InvalidArgument"});
}

TEST_F(ListingTest, ListObjectsV2_encodesAndNamesTheOwnerWhenAsked) {
  put({"a b+c/\xc3\xa4"});
  model::ListObjectsV2Request request;
  request.encoding_type = "url";
  EXPECT_EQ(list(request), Strings{"a%20b%2Bc/%C3%A4"});
  request.bucket = "data";
  EXPECT_FALSE(call<op::ListObjectsV2>(request)->contents->at(0).owner);
  request.fetch_owner = true;
  auto page = call<op::ListObjectsV2>(request);
  EXPECT_TRUE(page->contents->at(0).owner);
  EXPECT_EQ(page->contents->at(0).size, 0);
  EXPECT_EQ(page->contents->at(0).storage_class, "STANDARD");
  request.encoding_type = "base64";
  EXPECT_EQ(list(request), Strings{"InvalidArgument"});
}

TEST_F(ListingTest, ListObjects_goesOnFromMarkers) {
  put({"a/1", "a/2", "b", "c"});
  model::ListObjectsRequest request;
  request.bucket = "data";
  request.delimiter = "/";
  request.max_keys = 1;
  auto page = call<op::ListObjects>(request);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->common_prefixes->at(0).prefix, "a/");
  EXPECT_EQ(page->next_marker, "a/");
  request.marker = page->next_marker;
  page = call<op::ListObjects>(request);
  EXPECT_EQ(page->contents->at(0).key, "b");
  // Without a delimiter there is no NextMarker.
  request.delimiter.reset();
  request.marker = "a/1";
  page = call<op::ListObjects>(request);
  EXPECT_EQ(page->contents->at(0).key, "a/2");
  EXPECT_EQ(page->is_truncated, true);
  EXPECT_FALSE(page->next_marker);
}

TEST_F(ListingTest, ListObjectVersions_listsTheOnlyVersion) {
  put({"a", "b"});
  model::ListObjectVersionsRequest request;
  request.bucket = "data";
  request.max_keys = 1;
  auto page = call<op::ListObjectVersions>(request);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->versions->at(0).version_id, "null");
  EXPECT_EQ(page->versions->at(0).is_latest, true);
  request.key_marker = page->next_key_marker;
  EXPECT_EQ(call<op::ListObjectVersions>(request)->versions->at(0).key, "b");
}

TEST_F(ListingTest, ListObjects_keepsBucketsApart) {
  model::CreateBucketRequest other;
  other.bucket = "data-2";
  EXPECT_OK(call<op::CreateBucket>(other));
  StringSource body("x");
  ASSERT_TRUE(service_->put_object(kAccount, "data-2", "k", body, {}));
  EXPECT_EQ(list({}), Strings{});
}

}  // namespace
}  // namespace tidemill::services::s3
