#include "services/s3/client.h"

#include <gtest/gtest.h>

#include "api/all_services.h"
#include "services/s3/testing/fixture.h"

namespace tidemill::services::s3 {
namespace {

class Doorkeeper final : public platform::Authorizer {
 public:
  Result<void> authorize_operation(const Context&, const schema::Service&,
                                   const schema::Operation& operation, const Value&) override {
    if (operation.name == denied) return fail("AccessDenied", "not you", 403);
    return {};
  }
  std::string_view denied;
};

class S3ClientTest : public S3Test {
 protected:
  runtime::EventLoops loops_{1};
  Doorkeeper doorkeeper_;
  platform::Dispatcher dispatcher_{
      {*registry_, doorkeeper_, api::all_services(), loops_, clock_, *random_}};
  Result<platform::Caller> caller_ = platform::Caller{
      {kAccount, "arn:aws:sts::123456789012:assumed-role/r/SageMaker", "", ""}, "us-east-1"};
  S3Client client_{dispatcher_, [this] { return caller_; }};
};

TEST_F(S3ClientTest, Does_what_the_interface_says_through_the_operations) {
  EXPECT_FALSE(client_.bucket_exists("", "data"));
  ASSERT_TRUE(client_.ensure_bucket("", "eu-west-1", "data"));
  ASSERT_TRUE(client_.ensure_bucket("", "eu-west-1", "data"));
  EXPECT_TRUE(client_.bucket_exists("", "data"));

  StringSource bytes("1,2\n");
  Result<ObjectInfo> put =
      client_.put_object("", "data", "t/a.csv", bytes, {"text/csv", {{"made-by", "test"}}});
  ASSERT_TRUE(put);
  Result<ObjectInfo> head = client_.head_object("", "data", "t/a.csv");
  ASSERT_TRUE(head);
  EXPECT_EQ(head->etag, put->etag);
  EXPECT_EQ(head->size_bytes, 4u);
  EXPECT_EQ(head->content_type, "text/csv");
  EXPECT_EQ(head->metadata.at("made-by"), "test");

  const std::string path = folder_ + "/a.csv";
  ASSERT_TRUE(client_.get_object_to_file("", "data", "t/a.csv", path));
  ASSERT_TRUE(client_.put_object_from_file("", "data", "t/b.csv", path, {}));
  Result<ObjectBody> body = client_.get_object("", "data", "t/b.csv");
  ASSERT_TRUE(body);
  EXPECT_EQ(read_all(*body->bytes, 100).value(), "1,2\n");
  EXPECT_EQ(body->info.size_bytes, 4u);

  Result<ObjectPage> page = client_.list_objects("", "data", "t/", "", 1);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->objects.at(0).key, "t/a.csv");
  page = client_.list_objects("", "data", "t/", page->next, 10);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->objects.at(0).key, "t/b.csv");
  EXPECT_TRUE(page->next.empty());

  ASSERT_TRUE(client_.delete_object("", "data", "t/a.csv"));
  EXPECT_EQ(client_.get_object("", "data", "t/a.csv").error().code, "NoSuchKey");
  EXPECT_EQ(client_.head_object("", "data", "t/a.csv").error().code, "NoSuchKey");
}

TEST_F(S3ClientTest, Is_refused_what_the_principal_may_not_do) {
  ASSERT_TRUE(client_.ensure_bucket("", "us-east-1", "data"));
  doorkeeper_.denied = "PutObject";
  StringSource bytes("x");
  EXPECT_EQ(client_.put_object("", "data", "k", bytes, {}).error().code, "AccessDenied");
  caller_ = fail("AccessDenied", "There is no role r.", 403);
  EXPECT_EQ(client_.list_objects("", "data", "", "", 1).error().message, "There is no role r.");
}

}  // namespace
}  // namespace tidemill::services::s3
