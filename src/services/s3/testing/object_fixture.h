// For tests of objects: a bucket, and short ways to put and get.
#pragma once

#include "api/s3/bucket.h"
#include "services/s3/object/object.h"
#include "services/s3/testing/fixture.h"

namespace tidemill::services::s3 {

namespace op = model::operations;

class ObjectTest : public S3Test {
 protected:
  ObjectTest() { EXPECT_OK(call<op::CreateBucket>(create_request())); }
  static model::CreateBucketRequest create_request() {
    model::CreateBucketRequest request;
    request.bucket = "data";
    return request;
  }
  static model::PutObjectRequest to(const std::string& key) {
    model::PutObjectRequest request;
    request.bucket = "data";
    request.key = key;
    return request;
  }
  static model::GetObjectRequest of(const std::string& key) {
    model::GetObjectRequest request;
    request.bucket = "data";
    request.key = key;
    return request;
  }
  Result<model::PutObjectOutput> put(const model::PutObjectRequest& request, std::string body) {
    Context in = context(std::move(body));
    return call<op::PutObject>(in, request);
  }
  Result<model::PutObjectOutput> put(const std::string& key, std::string body) {
    return put(to(key), std::move(body));
  }
  std::string put_error(const model::PutObjectRequest& request, std::string body = "hello") {
    auto output = put(request, std::move(body));
    return output ? "" : output.error().code;
  }
  struct Got {
    model::GetObjectOutput output;
    std::string body;
    int status = 0;
    Error error;
    std::map<std::string, std::string> headers;
  };
  Got get(const model::GetObjectRequest& request) {
    Context in = context();
    Got got;
    auto output = call<op::GetObject>(in, request);
    got.status =
        output ? (in.response_status ? in.response_status : 200) : output.error().http_status;
    got.headers = in.response_headers;
    if (!output) {
      got.error = output.error();
      return got;
    }
    got.output = *output;
    got.body = drain(in);
    return got;
  }
  Got get(const std::string& key) { return get(of(key)); }
};

}  // namespace tidemill::services::s3
