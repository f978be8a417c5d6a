#include "services/sagemaker/common/s3_uri.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemill::services::sagemaker {
namespace {

TEST(S3Uri, Every_way_of_writing_it) {
  for (const char* text :
       {"s3://b.cket/m/a b.tar.gz", "https://b.cket.s3.amazonaws.com/m/a%20b.tar.gz",
        "https://b.cket.s3.us-east-1.amazonaws.com/m/a%20b.tar.gz",
        "https://b.cket.s3-us-west-2.amazonaws.com/m/a b.tar.gz",
        "https://b.cket.s3.dualstack.eu-west-1.amazonaws.com/m/a%20b.tar.gz",
        "https://b.cket.s3-accelerate.amazonaws.com/m/a%20b.tar.gz",
        "https://b.cket.s3-accelerate.dualstack.amazonaws.com/m/a%20b.tar.gz",
        "https://b.cket.s3-fips.us-gov-west-1.amazonaws.com/m/a%20b.tar.gz",
        "https://b.cket.s3.cn-north-1.amazonaws.com.cn/m/a%20b.tar.gz",
        "https://b.cket.s3.localhost:4566/m/a%20b.tar.gz",
        "https://s3.amazonaws.com/b.cket/m/a%20b.tar.gz",
        "https://s3.us-east-1.amazonaws.com/b.cket/m/a%20b.tar.gz",
        "https://s3-us-west-2.amazonaws.com/b.cket/m/a%20b.tar.gz",
        "https://s3.localhost/b.cket/m/a%20b.tar.gz",
        "https://127.0.0.1:4566/b.cket/m/a%20b.tar.gz"}) {
    Result<S3Uri> uri = parse_s3_uri(text);
    ASSERT_TRUE(uri) << text << ": " << uri.error().message;
    EXPECT_EQ(uri->bucket, "b.cket") << text;
    EXPECT_EQ(uri->key, "m/a b.tar.gz") << text;
  }
  EXPECT_EQ(parse_s3_uri("https://b.s3.amazonaws.com")->bucket, "b");
}

TEST(S3Uri, What_cannot_be_meant_is_refused) {
  for (const char* text : {"http://b.s3.amazonaws.com/k", "file:///etc/passwd", "b/k", "",
                           "https://b.s3.amazonaws.com/k?versionId=1", "https://"})
    EXPECT_EQ(parse_s3_uri(text).error().code, "ValidationException") << text;
}

}  // namespace
}  // namespace tidemill::services::sagemaker
