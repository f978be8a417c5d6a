// Requests signed by botocore (testdata/make_vectors.py).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/encoding.h"
#include "base/json.h"
#include "wire/sigv4/payload.h"
#include "wire/sigv4/test_support.h"

namespace tidemill::wire::sigv4 {
namespace {

struct Vector {
  std::string name, token;
  Dialect dialect;
  HttpRequest request;
};

struct Vectors {
  Timestamp now;
  std::string access_key_id, temporary_access_key_id, secret;
  std::vector<Vector> vectors;
};

std::string text(const Value& value, std::string_view name) {
  const Value* found = value.find(name);
  return found && found->as_string() ? *found->as_string() : std::string();
}

Vectors load() {
  const auto path = std::filesystem::path(TIDEMILL_SIGV4_TESTDATA) / "vectors.json";
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  const Value root = parse_json(content.str()).value();
  Vectors out;
  out.now = {*root.find("now_seconds")->get_if<std::int64_t>() * 1'000'000};
  out.access_key_id = text(root, "access_key_id");
  out.temporary_access_key_id = text(root, "temporary_access_key_id");
  out.secret = text(root, "secret_access_key");
  for (const Value& entry : *root.find("vectors")->as_list()) {
    Vector& vector = out.vectors.emplace_back();
    vector.name = text(entry, "name");
    vector.token = text(entry, "token");
    const std::string dialect = text(entry, "dialect");
    vector.dialect = dialect == "s3"     ? Dialect::s3
                     : dialect == "json" ? Dialect::json
                                         : Dialect::query;
    vector.request = make_request(text(entry, "method"), text(entry, "target"), {},
                                  decode_base64(text(entry, "body")).value());
    for (const Value& field : *entry.find("headers")->as_list())
      vector.request.headers.add(*field.as_list()->at(0).as_string(),
                                 *field.as_list()->at(1).as_string());
  }
  return out;
}

class VectorsTest : public testing::Test {
 protected:
  VectorsTest() : data_(load()) {
    Credential credential{data_.secret, "111122223333", "arn:aws:iam::111122223333:root", "id",
                          true};
    credentials_.keys[data_.access_key_id] = credential;
  }
  Result<Identity> authenticate(const Vector& vector, std::chrono::seconds later = {}) {
    if (!vector.token.empty()) {
      Credential temporary{data_.secret, "111122223333", "arn:aws:sts::111122223333:x", "id"};
      temporary.session_token = vector.token;
      credentials_.keys[data_.temporary_access_key_id] = temporary;
    }
    return authenticator_.authenticate(vector.request, vector.dialect, data_.now + later);
  }

  Vectors data_;
  MapCredentials credentials_;
  Authenticator authenticator_{
      credentials_, {.virtual_host_bucket = [](std::string_view host) -> std::string {
        return host.ends_with(".s3.example.com") ? std::string(host.substr(0, host.find('.')))
                                                 : std::string();
      }}};
};

TEST_F(VectorsTest, every_request_of_botocore_verifies) {
  ASSERT_GT(data_.vectors.size(), 40u);
  for (Vector& vector : data_.vectors) {
    auto identity = authenticate(vector);
    ASSERT_TRUE(identity) << vector.name << ": " << identity.error().code << " "
                          << identity.error().message << "\n"
                          << identity.error().details["CanonicalRequest"];
    EXPECT_EQ(identity->account, "111122223333");
    EXPECT_EQ(identity->region, vector.name.starts_with("v2_") ? "us-east-1"
                                : vector.name.starts_with("path_") || vector.name == "sts_presigned"
                                    ? "us-east-1"
                                    : "eu-central-1")
        << vector.name;
    auto prepared = prepare_body(vector.request, *identity, vector.dialect);
    EXPECT_TRUE(prepared) << vector.name << ": " << prepared.error().message;
  }
}

TEST_F(VectorsTest, chunked_bodies_are_unframed) {
  int count = 0;
  for (Vector& vector : data_.vectors) {
    if (!vector.name.starts_with("s3_chunked")) continue;
    ++count;
    Identity identity = authenticate(vector).value();
    EXPECT_EQ(identity.payload, PayloadKind::chunked_unsigned_trailer);
    ASSERT_TRUE(prepare_body(vector.request, identity, vector.dialect));
    std::string expected;
    if (vector.name == "s3_chunked_trailer")
      for (int i = 0; i < 100; ++i) expected += "0123456789";
    if (vector.name == "s3_chunked_trailer_sha256")
      for (int i = 0; i < 3000; ++i) expected += "abc";
    EXPECT_EQ(vector.request.body, expected);
    EXPECT_EQ(vector.request.headers.get("content-length"), std::to_string(expected.size()));
    EXPECT_EQ(vector.request.headers.find("content-encoding"), nullptr);
    EXPECT_FALSE(vector.request.headers.get(vector.request.headers.get("x-amz-trailer")).empty());
  }
  EXPECT_EQ(count, 3);
}

TEST_F(VectorsTest, a_wrong_secret_does_not_match) {
  data_.secret.back() ^= 1;
  credentials_.keys[data_.access_key_id].secret_access_key = data_.secret;
  for (const Vector& vector : data_.vectors) {
    auto identity = authenticate(vector);
    ASSERT_FALSE(identity) << vector.name;
    EXPECT_EQ(identity.error().code, vector.dialect == Dialect::json ? "InvalidSignatureException"
                                                                     : "SignatureDoesNotMatch");
  }
}

TEST_F(VectorsTest, what_is_tampered_with_does_not_match) {
  for (Vector& vector : data_.vectors) {
    const std::string target = vector.request.target;
    const std::size_t mark = std::min(target.find('?'), target.size());
    vector.request.target.insert(mark, "x");
    ASSERT_TRUE(parse_target(vector.request));
    EXPECT_FALSE(authenticate(vector)) << vector.name << " path";
    vector.request.target = target + (mark == target.size() ? "?" : "&") + "versionId=2";
    ASSERT_TRUE(parse_target(vector.request));
    EXPECT_FALSE(authenticate(vector)) << vector.name << " query";
    vector.request.target = target;
    ASSERT_TRUE(parse_target(vector.request));
    const std::string method = std::exchange(vector.request.method, "DELETE");
    EXPECT_FALSE(authenticate(vector)) << vector.name << " method";
    vector.request.method = method;
    if (vector.dialect == Dialect::s3) {
      vector.request.headers.add("x-amz-acl", "public-read-write");
      EXPECT_FALSE(authenticate(vector)) << vector.name << " header";
      vector.request.headers.erase("x-amz-acl");
    }
    EXPECT_TRUE(authenticate(vector)) << vector.name;
    if (vector.request.body.empty()) continue;
    vector.request.body[vector.request.body.size() / 2] ^= 1;
    auto identity = authenticate(vector);
    const bool unsigned_body =
        vector.name == "s3_unsigned_payload" || vector.name.starts_with("v2_");
    EXPECT_EQ(identity && prepare_body(vector.request, *identity, vector.dialect), unsigned_body)
        << vector.name << " body";
  }
}

TEST_F(VectorsTest, old_and_early_requests_are_refused) {
  for (const Vector& vector : data_.vectors) {
    EXPECT_TRUE(authenticate(vector, std::chrono::seconds(30))) << vector.name;
    EXPECT_FALSE(authenticate(vector, std::chrono::minutes(16))) << vector.name;
    if (!vector.name.starts_with("v2_presigned"))
      EXPECT_FALSE(authenticate(vector, std::chrono::minutes(-16))) << vector.name;
  }
}

TEST_F(VectorsTest, mode_any_takes_all_of_them) {
  Authenticator any(credentials_, {.mode = Authenticator::Mode::any});
  for (Vector& vector : data_.vectors) {
    auto identity = any.authenticate(vector.request, vector.dialect, data_.now);
    ASSERT_TRUE(identity) << vector.name;
    EXPECT_TRUE(identity->root);
    EXPECT_TRUE(prepare_body(vector.request, *identity, vector.dialect)) << vector.name;
  }
}

}  // namespace
}  // namespace tidemill::wire::sigv4
