#include "wire/routing/router.h"

#include <gtest/gtest.h>

#include "wire/test_s3_schema.h"

namespace tidemill::wire {
namespace {

const schema::Service* const kServices[] = {&test::kJsonService,    &test::kQueryService,
                                            &test::kCborService,    &test::kRestJsonService,
                                            &test::kRestXmlService, &test::kS3Service};

HttpRequest make(std::string method, std::string target, std::string host = "localhost:4566") {
  HttpRequest request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.headers.add("Host", std::move(host));
  EXPECT_TRUE(parse_target(request));
  return request;
}

// "Operation label=value ..." or the error's code.
std::string routed(const HttpRequest& request, std::string_view signing_name) {
  static const Router kRouter(kServices, {{"s3.example.org"}});
  Result<Route> route = kRouter.resolve(request, signing_name);
  if (!route) return route.error().code;
  std::string out(route->operation->name);
  for (const auto& [name, value] : route->labels) out += " " + std::string(name) + "=" + value;
  return out;
}

TEST(Router, S3_by_path_and_query) {
  EXPECT_EQ(routed(make("GET", "/"), "s3"), "ListBuckets");
  EXPECT_EQ(routed(make("GET", "/b"), "s3"), "ListObjects Bucket=b");
  EXPECT_EQ(routed(make("GET", "/b/"), "s3"), "ListObjects Bucket=b");
  EXPECT_EQ(routed(make("GET", "/b?list-type=2&prefix=x"), "s3"), "ListObjectsV2 Bucket=b");
  EXPECT_EQ(routed(make("GET", "/b?list-type=1"), "s3"), "ListObjects Bucket=b");
  EXPECT_EQ(routed(make("GET", "/b?location"), "s3"), "GetBucketLocation Bucket=b");
  EXPECT_EQ(routed(make("GET", "/b?location="), "s3"), "GetBucketLocation Bucket=b");
  EXPECT_EQ(routed(make("GET", "/b?lifecycle"), "s3"), "GetBucketLifecycleConfiguration Bucket=b");
  EXPECT_EQ(routed(make("GET", "/b?analytics"), "s3"),
            "ListBucketAnalyticsConfigurations Bucket=b");
  EXPECT_EQ(routed(make("GET", "/b?analytics&id=1"), "s3"),
            "GetBucketAnalyticsConfiguration Bucket=b");
  EXPECT_EQ(routed(make("POST", "/b?delete"), "s3"), "DeleteObjects Bucket=b");
  EXPECT_EQ(routed(make("GET", "/b/k?x-id=GetObject"), "s3"), "GetObject Bucket=b Key=k");
  EXPECT_EQ(routed(make("HEAD", "/b/k"), "s3"), "HeadObject Bucket=b Key=k");
  EXPECT_EQ(routed(make("GET", "/b/k?uploadId=u"), "s3"), "ListParts Bucket=b Key=k");
  EXPECT_EQ(routed(make("DELETE", "/b/k?uploadId=u"), "s3"), "AbortMultipartUpload Bucket=b Key=k");
  EXPECT_EQ(routed(make("DELETE", "/b/k"), "s3"), "DeleteObject Bucket=b Key=k");
  EXPECT_EQ(routed(make("POST", "/b/k?uploads"), "s3"), "CreateMultipartUpload Bucket=b Key=k");
  EXPECT_EQ(routed(make("POST", "/b/k?uploadId=u"), "s3"),
            "CompleteMultipartUpload Bucket=b Key=k");
}

TEST(Router, Services_that_are_not_here_are_named_as_people_know_them) {
  RouterOptions options;
  options.service_called = [](std::string_view called) -> std::string_view {
    return called == "AnyScaleFrontendService" ? "Application Auto Scaling" : "";
  };
  const Router router(kServices, options);
  HttpRequest request = make("POST", "/");
  request.headers.add("X-Amz-Target", "AnyScaleFrontendService.DescribeScalableTargets");
  Result<Route> route = router.resolve(request, "application-autoscaling");
  ASSERT_FALSE(route);
  EXPECT_EQ(route.error().code, "UnknownOperationException");
  EXPECT_EQ(route.error().message,
            "DescribeScalableTargets of Application Auto Scaling is not implemented by Tidemill; "
            "`tidemill coverage` or docs/coverage.md lists what is there.");
  request.headers.set("X-Amz-Target", "Nobody.Do");
  EXPECT_TRUE(router.resolve(request, "nobody")
                  .error()
                  .message.starts_with("Tidemill has no service 'Nobody'; "));
}

TEST(Router, S3_presigned_copies_may_name_their_source_in_the_query) {
  EXPECT_EQ(routed(make("PUT", "/b/k?x-amz-copy-source=a%2Fb&X-Amz-Signature=s"), "s3"),
            "CopyObject Bucket=b Key=k");
  EXPECT_EQ(routed(make("PUT", "/b/k?x-amz-copy-source=a%2Fb"), "s3"), "PutObject Bucket=b Key=k");
}

// The error for a request without an operation.
Error refusal(const HttpRequest& request) {
  static const Router kRouter(kServices, {{"s3.example.org"}});
  Result<Route> route = kRouter.resolve(request, "s3");
  EXPECT_FALSE(route) << request.target;
  return route ? Error{} : route.error();
}

TEST(Router, S3_subresources_never_fall_to_the_object_or_bucket_itself) {
  Error upload = refusal(make("PUT", "/b/k?uploadId=u"));
  EXPECT_EQ(upload.code, "MethodNotAllowed");
  EXPECT_EQ(upload.http_status, 405);
  EXPECT_EQ(upload.details.at("ResourceType"), "UPLOAD");
  Error part = refusal(make("PUT", "/b/k?partNumber=1"));
  EXPECT_EQ(part.code, "InvalidArgument");
  EXPECT_EQ(part.message, "This operation does not accept partNumber without uploadId");
  EXPECT_EQ(refusal(make("DELETE", "/b/k?uploads")).code, "MethodNotAllowed");
  EXPECT_EQ(refusal(make("GET", "/b?delete")).code, "MethodNotAllowed");
  // "id" selects only among operations with their own constant; alone it means nothing.
  EXPECT_EQ(routed(make("GET", "/b?id=1"), "s3"), "ListObjects Bucket=b");
}

TEST(Router, S3_puts_differ_by_query_and_header) {
  HttpRequest put = make("PUT", "/b/k");
  EXPECT_EQ(routed(put, "s3"), "PutObject Bucket=b Key=k");
  put.headers.add("X-Amz-Copy-Source", "/a/b");
  EXPECT_EQ(routed(put, "s3"), "CopyObject Bucket=b Key=k");
  HttpRequest part = make("PUT", "/b/k?partNumber=1&uploadId=u");
  EXPECT_EQ(routed(part, "s3"), "UploadPart Bucket=b Key=k");
  part.headers.add("x-amz-copy-source", "/a/b");
  EXPECT_EQ(routed(part, "s3"), "UploadPartCopy Bucket=b Key=k");
}

TEST(Router, S3_keys_are_decoded_once_and_kept_as_they_are) {
  EXPECT_EQ(routed(make("GET", "/b/a%2520b"), "s3"), "GetObject Bucket=b Key=a%20b");
  EXPECT_EQ(routed(make("GET", "/b//x//y/../z/"), "s3"), "GetObject Bucket=b Key=/x//y/../z/");
  EXPECT_EQ(routed(make("GET", "/b/a%2Fb+c"), "s3"), "GetObject Bucket=b Key=a/b+c");
  EXPECT_EQ(routed(make("GET", "/b//"), "s3"), "GetObject Bucket=b Key=/");
}

TEST(Router, S3_virtual_host) {
  EXPECT_EQ(routed(make("GET", "/k", "b.localhost:4566"), "s3"), "GetObject Bucket=b Key=k");
  EXPECT_EQ(routed(make("GET", "/", "b.s3.localhost"), "s3"), "ListObjects Bucket=b");
  EXPECT_EQ(routed(make("GET", "/", "b.c.s3.us-west-2.amazonaws.com"), "s3"),
            "ListObjects Bucket=b.c");
  EXPECT_EQ(routed(make("GET", "/", "s3.us-west-2.amazonaws.com"), "s3"), "ListBuckets");
  EXPECT_EQ(routed(make("GET", "/", "s3.localhost"), "s3"), "ListBuckets");
  EXPECT_EQ(routed(make("GET", "/k", "b.s3.example.org"), "s3"), "GetObject Bucket=b Key=k");
  EXPECT_EQ(routed(make("GET", "/b", "s3.example.org"), "s3"), "ListObjects Bucket=b");
  EXPECT_EQ(routed(make("GET", "/b", "127.0.0.1:4566"), "s3"), "ListObjects Bucket=b");
  EXPECT_EQ(routed(make("GET", "/b", "[::1]:4566"), "s3"), "ListObjects Bucket=b");
}

TEST(Router, S3_takes_what_is_unsigned) {
  EXPECT_EQ(routed(make("GET", "/b/k"), ""), "GetObject Bucket=b Key=k");
  EXPECT_EQ(routed(make("PATCH", "/b/k"), "s3"), "MethodNotAllowed");
}

TEST(Router, Target_header) {
  HttpRequest request = make("POST", "/");
  request.headers.add("X-Amz-Target", "Jsonish_20200101.Echo");
  EXPECT_EQ(routed(request, "jsonish"), "Echo");
  request.headers.set("X-Amz-Target", "Jsonish_20200101.Nope");
  EXPECT_EQ(routed(request, "jsonish"), "UnknownOperationException");
  request.headers.set("X-Amz-Target", "Other.Echo");
  EXPECT_EQ(routed(request, "jsonish"), "UnknownOperationException");
}

TEST(Router, One_signing_name_for_two_services) {
  EXPECT_EQ(routed(make("POST", "/endpoints/e/invocations"), "jsonish"), "Invoke Name=e");
  EXPECT_EQ(routed(make("POST", "/endpoints/e/invocations/"), "jsonish"), "Invoke Name=e");
  EXPECT_EQ(routed(make("POST", "/endpoints/e/nothing"), "jsonish"), "UnknownOperationException");
}

TEST(Router, Query_action_in_body_or_url) {
  HttpRequest request = make("POST", "/");
  request.headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  request.body = "Version=2011-06-15&Action=Forget&Key=Action";
  EXPECT_EQ(routed(request, "queryish"), "Forget");
  EXPECT_EQ(routed(request, ""), "Forget");
  request.body = "Action=Nope&Version=2011-06-15";
  EXPECT_EQ(routed(request, "queryish"), "InvalidAction");
  EXPECT_EQ(routed(make("GET", "/?Action=Forget&Version=2011-06-15"), "queryish"), "Forget");
}

TEST(Router, One_service_three_protocols) {
  static const Router kRouter(kServices);
  HttpRequest cbor = make("POST", "/service/GraniteServiceVersion20100801/operation/Echo");
  cbor.headers.add("smithy-protocol", "rpc-v2-cbor");
  Result<Route> route = kRouter.resolve(cbor, "monitoring");
  ASSERT_TRUE(route);
  EXPECT_EQ(route->protocol, schema::Protocol::rpc_v2_cbor);
  EXPECT_EQ(route->service, &test::kCborService);

  HttpRequest json = make("POST", "/");
  json.headers.add("X-Amz-Target", "GraniteServiceVersion20100801.Echo");
  json.headers.add("Content-Type", "application/x-amz-json-1.0");
  route = kRouter.resolve(json, "monitoring");
  ASSERT_TRUE(route);
  EXPECT_EQ(route->protocol, schema::Protocol::aws_json_1_0);

  HttpRequest query = make("POST", "/");
  query.headers.add("Content-Type", "application/x-www-form-urlencoded");
  query.body = "Action=Echo&Version=2010-08-01";
  route = kRouter.resolve(query, "monitoring");
  ASSERT_TRUE(route);
  EXPECT_EQ(route->protocol, schema::Protocol::aws_query);
}

TEST(Router, Unknown_service_gets_its_own_dialect) {
  static const Router kRouter(kServices);
  HttpRequest query = make("POST", "/");
  query.headers.add("Content-Type", "application/x-www-form-urlencoded");
  query.body = "Action=DescribeInstances&Version=2016-11-15";
  Result<Route> route = kRouter.resolve(query, "ec2");
  ASSERT_FALSE(route);
  EXPECT_NE(route.error().message.find("'ec2'"), std::string::npos);
  EXPECT_EQ(kRouter.dialect(query, "ec2").protocol, schema::Protocol::aws_query);
  EXPECT_EQ(kRouter.dialect(make("PATCH", "/b"), "s3").service, &test::kS3Service);
}

}  // namespace
}  // namespace tidemill::wire
