#include "services/s3/bucket/bucket.h"

#include "api/s3/object.h"
#include "services/s3/bucket/bucket_name.h"
#include "services/s3/testing/fixture.h"

namespace tidemill::services::s3 {
namespace {

namespace op = model::operations;

class BucketTest : public S3Test {
 protected:
  Result<model::CreateBucketOutput> create(const std::string& name,
                                           const std::string& region = "us-east-1",
                                           const std::string& constraint = "",
                                           const std::string& account = kAccount) {
    Context in = context("", account);
    in.region = region;
    model::CreateBucketRequest request;
    request.bucket = name;
    if (!constraint.empty())
      request.create_bucket_configuration.ensure().location_constraint = constraint;
    return call<op::CreateBucket>(in, request);
  }
  std::string create_error(const std::string& name, const std::string& region,
                           const std::string& constraint, const std::string& account = kAccount) {
    auto created = create(name, region, constraint, account);
    return created ? "" : created.error().code;
  }
};

TEST_F(BucketTest, CreateBucket_answersItsLocation) {
  auto created = create("data");
  EXPECT_OK(create("data-2"));
  ASSERT_TRUE(created);
  EXPECT_EQ(created->location, "/data");
}

TEST_F(BucketTest, CreateBucket_againSucceedsOnlyInUsEast1) {
  EXPECT_OK(create("data"));
  EXPECT_OK(create("data"));
  EXPECT_OK(create("euro", "eu-west-1", "eu-west-1"));
  auto again = create("euro", "eu-west-1", "eu-west-1");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "BucketAlreadyOwnedByYou");
  EXPECT_EQ(again.error().http_status, 409);
}

TEST_F(BucketTest, CreateBucket_ofAnotherAccountsNameIsRefused) {
  EXPECT_OK(create("data"));
  EXPECT_EQ(create_error("data", "us-east-1", "", kOtherAccount), "BucketAlreadyExists");
}

TEST_F(BucketTest, CreateBucket_checksTheLocationConstraint) {
  EXPECT_EQ(create_error("a-bucket", "eu-west-1", ""), "IllegalLocationConstraintException");
  EXPECT_EQ(create_error("a-bucket", "eu-west-1", "eu-west-2"),
            "IllegalLocationConstraintException");
  EXPECT_EQ(create_error("a-bucket", "us-east-1", "us-east-1"), "InvalidLocationConstraint");
  EXPECT_EQ(create_error("a-bucket", "us-east-1", "mars"), "InvalidLocationConstraint");
  EXPECT_OK(create("a-bucket", "us-east-1", "eu-west-2"));
  auto located = call<op::GetBucketLocation>({"a-bucket"});
  ASSERT_TRUE(located);
  EXPECT_EQ(located->location_constraint, "eu-west-2");
}

TEST_F(BucketTest, GetBucketLocation_ofUsEast1IsEmpty) {
  EXPECT_OK(create("data"));
  auto located = call<op::GetBucketLocation>({"data"});
  ASSERT_TRUE(located);
  EXPECT_FALSE(located->location_constraint);
}

TEST_F(BucketTest, BucketName_rules) {
  for (std::string good : {"abc", "a-b.c", "0abc9", "sagemaker-us-east-1-123456789012"})
    EXPECT_TRUE(is_valid_bucket_name(good)) << good;
  for (std::string bad : {"ab", "Abc", "a_b", "-abc", "abc-", "a..b", "192.168.1.1", "xn--abc",
                          "abc-s3alias", "abc--x-s3", ""})
    EXPECT_FALSE(is_valid_bucket_name(bad)) << bad;
  EXPECT_FALSE(is_valid_bucket_name(std::string(64, 'a')));
  EXPECT_EQ(create_error("No", "us-east-1", ""), "InvalidBucketName");
}

TEST_F(BucketTest, HeadBucket_missingForeignAndUnexpectedOwner) {
  EXPECT_OK(create("data"));
  auto head = call<op::HeadBucket>({"data"});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->bucket_region, "us-east-1");
  auto missing = call<op::HeadBucket>({"nothing"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().http_status, 404);
  EXPECT_OK(call<op::HeadBucket>({"data", kAccount}));
  auto unexpected = call<op::HeadBucket>({"data", kOtherAccount});
  ASSERT_FALSE(unexpected);
  EXPECT_EQ(unexpected.error().http_status, 403);
  Context other = context("", kOtherAccount);
  auto foreign = call<op::HeadBucket>(other, {"data"});
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, "AccessDenied");
}

TEST_F(BucketTest, ListBuckets_pagesByAccountPrefixAndRegion) {
  for (int i = 0; i < 5; ++i) EXPECT_OK(create("bucket-" + std::to_string(i)));
  EXPECT_OK(create("euro", "us-east-1", "eu-west-1"));
  EXPECT_OK(create("foreign", "us-east-1", "", kOtherAccount));
  std::vector<std::string> names;
  model::ListBucketsRequest request;
  request.max_buckets = 2;
  int pages = 0;
  do {
    auto page = call<op::ListBuckets>(request);
    ASSERT_TRUE(page);
    for (const model::Bucket& bucket : *page->buckets) names.push_back(*bucket.name);
    request.continuation_token = page->continuation_token;
    ++pages;
  } while (request.continuation_token);
  EXPECT_EQ(pages, 3);
  EXPECT_EQ(names, (std::vector<std::string>{"bucket-0", "bucket-1", "bucket-2", "bucket-3",
                                             "bucket-4", "euro"}));
  model::ListBucketsRequest european;
  european.bucket_region = "eu-west-1";
  EXPECT_EQ(call<op::ListBuckets>(european)->buckets->size(), 1u);
  model::ListBucketsRequest prefixed;
  prefixed.prefix = "bucket-";
  EXPECT_EQ(call<op::ListBuckets>(prefixed)->buckets->size(), 5u);
}

TEST_F(BucketTest, DeleteBucket_onlyWhenEmpty) {
  EXPECT_OK(create("data"));
  model::PutObjectRequest put;
  put.bucket = "data";
  put.key = "k";
  EXPECT_OK(call<op::PutObject>(put));
  EXPECT_EQ(error_of<op::DeleteBucket>({"data"}), "BucketNotEmpty");
  EXPECT_OK(call<op::DeleteObject>({"data", "k"}));
  EXPECT_OK(call<op::DeleteBucket>({"data"}));
  EXPECT_EQ(error_of<op::DeleteBucket>({"data"}), "NoSuchBucket");
  EXPECT_EQ(error_of<op::PutObject>(put), "NoSuchBucket");
}

TEST_F(BucketTest, Buckets_areThereAfterARestart) {
  EXPECT_OK(create("data", "us-east-1", "eu-west-1"));
  model::PutBucketTaggingRequest tagging;
  tagging.bucket = "data";
  tagging.tagging.ensure().tag_set = {{"team", "risk"}};
  EXPECT_OK(call<op::PutBucketTagging>(tagging));
  restart();
  auto head = call<op::HeadBucket>({"data"});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->bucket_region, "eu-west-1");
  auto tags = call<op::GetBucketTagging>({"data"});
  ASSERT_TRUE(tags);
  EXPECT_EQ(tags->tag_set.at(0).value, "risk");
}

TEST_F(BucketTest, BucketTagging_roundTripsAndChecks) {
  EXPECT_OK(create("data"));
  EXPECT_EQ(error_of<op::GetBucketTagging>({"data"}), "NoSuchTagSet");
  model::PutBucketTaggingRequest tagging;
  tagging.bucket = "data";
  tagging.tagging.ensure().tag_set = {{"a", "1"}, {"a", "2"}};
  EXPECT_EQ(error_of<op::PutBucketTagging>(tagging), "InvalidTag");
  tagging.tagging->tag_set = {{"a", "1"}};
  EXPECT_OK(call<op::PutBucketTagging>(tagging));
  EXPECT_EQ(call<op::GetBucketTagging>({"data"})->tag_set.size(), 1u);
  EXPECT_OK(call<op::DeleteBucketTagging>({"data"}));
  EXPECT_EQ(error_of<op::GetBucketTagging>({"data"}), "NoSuchTagSet");
}

TEST_F(BucketTest, BucketVersioning_staysOverARestart) {
  EXPECT_OK(create("data"));
  auto status = call<op::GetBucketVersioning>({"data"});
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->status);
  model::PutBucketVersioningRequest request;
  request.bucket = "data";
  for (const char* wanted : {"Enabled", "Suspended"}) {
    request.versioning_configuration.ensure().status = wanted;
    EXPECT_OK(call<op::PutBucketVersioning>(request));
    restart();
    EXPECT_EQ(call<op::GetBucketVersioning>({"data"})->status, wanted);
  }
}

TEST_F(BucketTest, GetBucketAcl_givesTheOwnerFullControl) {
  EXPECT_OK(create("data"));
  auto acl = call<op::GetBucketAcl>({"data"});
  ASSERT_TRUE(acl);
  ASSERT_EQ(acl->grants->size(), 1u);
  EXPECT_EQ(acl->grants->at(0).grantee->id, acl->owner->id);
  EXPECT_EQ(acl->owner->id->size(), 64u);
}

}  // namespace
}  // namespace tidemill::services::s3
