#include "wire/sigv4/authenticator.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "wire/sigv4/errors.h"
#include "wire/sigv4/limits.h"
#include "wire/sigv4/payload.h"
#include "wire/sigv4/sigv2.h"
#include "wire/sigv4/test_support.h"

namespace tidemill::wire::sigv4 {
namespace {

// The secret, times and signatures of AWS's documentation: "Examples of the complete Signature
// Version 4 signing process", and of S3 "Signature Calculations for the Authorization Header".
constexpr std::string_view kDay = "20130524/us-east-1/s3/aws4_request";
const Timestamp kNow = at("2013-05-24T00:00:00Z");

class AuthenticatorTest : public testing::Test {
 protected:
  AuthenticatorTest() {
    credentials_.keys["AKIAIOSFODNN7EXAMPLE"] = {"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                                 "111122223333", "arn:aws:iam::111122223333:root",
                                                 "111122223333", true};
    credentials_.keys["AKIDEXAMPLE"] = {"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "111122223333",
                                        "arn:aws:iam::111122223333:root", "111122223333", true};
  }
  static HttpRequest s3_request(std::string method, std::string target, std::string sha256,
                                std::string signed_headers, std::string signature,
                                std::initializer_list<Headers::Field> more = {}) {
    HttpRequest request = make_request(
        std::move(method), std::move(target),
        {{"Host", "examplebucket.s3.amazonaws.com"},
         {"x-amz-date", "20130524T000000Z"},
         {"x-amz-content-sha256", std::move(sha256)},
         {"Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/" + std::string(kDay) +
                               ",SignedHeaders=" + signed_headers + ",Signature=" + signature}});
    for (const auto& [name, value] : more) request.headers.add(name, value);
    return request;
  }
  static HttpRequest get_object() {
    return s3_request("GET", "/test.txt", std::string(kEmptySha256),
                      "host;range;x-amz-content-sha256;x-amz-date",
                      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
                      {{"Range", "bytes=0-9"}});
  }
  std::string code(const HttpRequest& request, Dialect dialect = Dialect::s3,
                   Timestamp now = kNow) {
    auto identity = authenticator_.authenticate(request, dialect, now);
    return identity ? "ok" : identity.error().code;
  }

  MapCredentials credentials_;
  Authenticator authenticator_{credentials_, {}};
};

TEST_F(AuthenticatorTest, documented_s3_examples) {
  EXPECT_EQ(code(get_object()), "ok");
  EXPECT_EQ(code(s3_request("PUT", "/test%24file.text",
                            "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
                            "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
                            {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                             {"x-amz-storage-class", "REDUCED_REDUNDANCY"}})),
            "ok");
  EXPECT_EQ(code(s3_request("GET", "/?lifecycle", std::string(kEmptySha256),
                            "host;x-amz-content-sha256;x-amz-date",
                            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")),
            "ok");
  EXPECT_EQ(code(s3_request("GET", "/?max-keys=2&prefix=J", std::string(kEmptySha256),
                            "host;x-amz-content-sha256;x-amz-date",
                            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")),
            "ok");
}

TEST_F(AuthenticatorTest, documented_presigned_example) {
  HttpRequest request = make_request(
      "GET",
      "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524"
      "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
      "&X-Amz-SignedHeaders=host&X-Amz-Signature="
      "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
      {{"Host", "examplebucket.s3.amazonaws.com"}});
  EXPECT_EQ(code(request), "ok");
  EXPECT_EQ(code(request, Dialect::s3, at("2013-05-24T23:59:59Z")), "ok");
  auto late = authenticator_.authenticate(request, Dialect::s3, at("2013-05-25T00:00:01Z"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "AccessDenied");
  EXPECT_EQ(late.error().message, "Request has expired");
  EXPECT_EQ(late.error().details["Expires"], "2013-05-25T00:00:00Z");
  EXPECT_EQ(code(request, Dialect::s3, at("2013-05-23T23:44:59Z")), "AccessDenied");
}

TEST_F(AuthenticatorTest, documented_iam_example) {
  HttpRequest request = make_request(
      "GET", "/?Action=ListUsers&Version=2010-05-08",
      {{"Host", "iam.amazonaws.com"},
       {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
       {"X-Amz-Date", "20150830T123600Z"},
       {"Authorization",
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"}});
  auto identity = authenticator_.authenticate(request, Dialect::query, at("2015-08-30T12:40:00Z"));
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->service, "iam");
  EXPECT_EQ(identity->region, "us-east-1");
  EXPECT_EQ(identity->arn, "arn:aws:iam::111122223333:root");
  EXPECT_TRUE(identity->root);

  auto late = authenticator_.authenticate(request, Dialect::query, at("2015-08-30T12:52:00Z"));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, "SignatureDoesNotMatch");
  EXPECT_EQ(late.error().message,
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123700Z "
            "(20150830T125200Z - 15 min.)");
}

TEST_F(AuthenticatorTest, errors_of_s3) {
  HttpRequest request = get_object();
  request.headers.set("Range", "bytes=0-8");
  auto mismatch = authenticator_.authenticate(request, Dialect::s3, kNow);
  ASSERT_FALSE(mismatch);
  EXPECT_EQ(mismatch.error().code, "SignatureDoesNotMatch");
  EXPECT_EQ(mismatch.error().http_status, 403);
  EXPECT_EQ(mismatch.error().details["AWSAccessKeyId"], "AKIAIOSFODNN7EXAMPLE");
  EXPECT_TRUE(mismatch.error().details["StringToSign"].starts_with("AWS4-HMAC-SHA256\n20130524T"));
  EXPECT_TRUE(mismatch.error().details["CanonicalRequest"].starts_with("GET\n/test.txt\n\nhost:"));

  EXPECT_EQ(code(get_object(), Dialect::s3, at("2013-05-24T00:15:00Z")), "ok");
  EXPECT_EQ(code(get_object(), Dialect::s3, at("2013-05-24T00:15:01Z")), "RequestTimeTooSkewed");
  EXPECT_EQ(code(get_object(), Dialect::s3, at("2013-05-23T23:44:59Z")), "RequestTimeTooSkewed");

  request = get_object();
  request.headers.erase("x-amz-date");
  EXPECT_EQ(code(request), "AccessDenied");
  request = get_object();
  request.headers.set("x-amz-date", "20130525T000000Z");
  EXPECT_EQ(code(request), "AuthorizationHeaderMalformed");
  request = get_object();
  request.headers.add("x-amz-acl", "public-read");
  auto added = authenticator_.authenticate(request, Dialect::s3, kNow);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, "AccessDenied");
  EXPECT_EQ(added.error().details["HeadersNotSigned"], "x-amz-acl");
  request = get_object();
  request.headers.erase("x-amz-content-sha256");
  EXPECT_EQ(code(request), "InvalidRequest");
  request = get_object();
  request.headers.set("x-amz-content-sha256", "STREAMING-WHATEVER");
  EXPECT_EQ(code(request), "InvalidArgument");

  for (const char* broken :
       {"AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c,SignedHeaders=host,Signature=0",
        "AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=", "AWS4-ECDSA-P256-SHA256 x",
        "AWS nocolon"}) {
    request = get_object();
    request.headers.set("authorization", broken);
    EXPECT_EQ(code(request), "AuthorizationHeaderMalformed") << broken;
  }
  request.headers.set("authorization", "Bearer x");
  EXPECT_EQ(code(request), "InvalidArgument");
  request = make_request("GET", "/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a", {});
  EXPECT_EQ(code(request), "AuthorizationQueryParametersError");

  credentials_.keys.clear();
  EXPECT_EQ(code(get_object()), "InvalidAccessKeyId");
  auto anonymous = authenticator_.authenticate(make_request("GET", "/", {}), Dialect::s3, kNow);
  ASSERT_TRUE(anonymous);
  EXPECT_TRUE(anonymous->anonymous);
}

TEST_F(AuthenticatorTest, errors_of_other_services) {
  HttpRequest none = make_request("POST", "/", {{"Host", "h"}});
  EXPECT_EQ(code(none, Dialect::json), "MissingAuthenticationTokenException");
  EXPECT_EQ(code(none, Dialect::query), "MissingAuthenticationToken");
  HttpRequest request = get_object();
  request.headers.set("Range", "bytes=0-8");
  EXPECT_EQ(code(request, Dialect::json), "InvalidSignatureException");
  EXPECT_EQ(code(request, Dialect::query), "SignatureDoesNotMatch");
  request.headers.set("authorization", "AWS4-HMAC-SHA256 Credential=x");
  EXPECT_EQ(code(request, Dialect::json), "IncompleteSignatureException");
  EXPECT_EQ(code(request, Dialect::query), "IncompleteSignature");
  credentials_.keys.clear();
  EXPECT_EQ(code(get_object(), Dialect::json), "UnrecognizedClientException");
  EXPECT_EQ(code(get_object(), Dialect::query), "InvalidClientTokenId");
}

TEST_F(AuthenticatorTest, presigned_lifetimes) {
  auto expires = [&](std::string seconds) {
    return code(make_request(
        "GET",
        "/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524"
        "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=" +
            seconds + "&X-Amz-SignedHeaders=host&X-Amz-Signature=" + std::string(64, 'a'),
        {{"Host", "h"}}));
  };
  for (const char* bad : {"0", "-1", "604801", "x", "99999999999999999999", ""})
    EXPECT_EQ(expires(bad), "AuthorizationQueryParametersError") << bad;
  EXPECT_EQ(expires("1"), "SignatureDoesNotMatch");
  EXPECT_EQ(expires("604800"), "SignatureDoesNotMatch");
}

TEST_F(AuthenticatorTest, session_tokens) {
  Credential& credential = credentials_.keys["AKIAIOSFODNN7EXAMPLE"];
  credential.session_token = "token";
  EXPECT_EQ(code(get_object()), "InvalidAccessKeyId");  // no token came
  HttpRequest request = get_object();
  request.headers.add("x-amz-security-token", "other");
  EXPECT_EQ(code(request), "InvalidToken");
  EXPECT_EQ(code(request, Dialect::json), "UnrecognizedClientException");
  request.headers.set("x-amz-security-token", "token");
  EXPECT_EQ(code(request), "AccessDenied");  // not signed
  credential.expiration = kNow + std::chrono::seconds(-1);
  EXPECT_EQ(code(request), "ExpiredToken");
  EXPECT_EQ(code(request, Dialect::json), "ExpiredTokenException");
  credential.session_token.reset();
  EXPECT_EQ(code(request), "InvalidToken");  // a token with a long-term key
}

TEST_F(AuthenticatorTest, mode_any) {
  Authenticator any(credentials_, {.mode = Authenticator::Mode::any});
  auto identify = [&](const HttpRequest& request) {
    return any.authenticate(request, Dialect::json, kNow).value();
  };
  Identity nobody = identify(make_request("POST", "/", {}));
  EXPECT_EQ(nobody.account, "123456789012");
  EXPECT_EQ(nobody.region, "us-east-1");
  EXPECT_EQ(nobody.arn, "arn:aws:iam::123456789012:root");
  EXPECT_TRUE(nobody.root);
  EXPECT_FALSE(nobody.anonymous);
  Identity chosen = identify(make_request(
      "POST", "/",
      {{"Host", "h"},
       {"X-Amz-Date", "19990101T000000Z"},
       {"Authorization",
        "AWS4-HMAC-SHA256 Credential=999988887777/19990101/eu-west-1/sagemaker/aws4_request, "
        "SignedHeaders=host, Signature=" +
            std::string(64, '0')}}));
  EXPECT_EQ(chosen.account, "999988887777");
  EXPECT_EQ(chosen.region, "eu-west-1");
  EXPECT_EQ(chosen.service, "sagemaker");
  Identity v2 = identify(make_request("GET", "/k?AWSAccessKeyId=999988887777&Signature=x", {}));
  EXPECT_EQ(v2.account, "123456789012");  // Expires is missing: ignore the other claims
  v2 = identify(make_request("GET", "/k?AWSAccessKeyId=999988887777&Signature=x&Expires=1", {}));
  EXPECT_EQ(v2.account, "999988887777");
  // The key alone decides about the request's owner, whatever follows it.
  for (const char* scope : {"20261129//sts/aws4_request", "20261129/us-east-1/sts", ""})
    EXPECT_EQ(identify(make_request("POST", "/",
                                    {{"Authorization", "AWS4-HMAC-SHA256 Credential=999988887777/" +
                                                           std::string(scope) +
                                                           ", SignedHeaders=host, Signature=0"}}))
                  .account,
              "999988887777")
        << scope;
}

TEST_F(AuthenticatorTest, mode_any_takes_a_roles_key_with_its_token_only) {
  Authenticator any(credentials_, {.mode = Authenticator::Mode::any});
  credentials_.keys["ASIAROLE"] = {"secret",
                                   "111122223333",
                                   "arn:aws:sts::111122223333:assumed-role/r/s",
                                   "AROA:s",
                                   false,
                                   "token",
                                   kNow + std::chrono::seconds(10)};
  HttpRequest request =
      make_request("POST", "/",
                   {{"Authorization",
                     "AWS4-HMAC-SHA256 Credential=ASIAROLE/20130524/us-east-1/sts/aws4_request, "
                     "SignedHeaders=host, Signature=0"}});
  auto answer = [&](Timestamp now) -> std::string {
    auto identity = any.authenticate(request, Dialect::query, now);
    return identity ? identity->arn : identity.error().code;
  };
  EXPECT_EQ(answer(kNow), "InvalidClientTokenId");
  request.headers.set("x-amz-security-token", "other");
  EXPECT_EQ(answer(kNow), "InvalidClientTokenId");
  request.headers.set("x-amz-security-token", "token");
  EXPECT_EQ(answer(kNow), "arn:aws:sts::111122223333:assumed-role/r/s");
  EXPECT_EQ(answer(kNow + std::chrono::seconds(11)), "ExpiredToken");
}

// AWS's "Authenticating requests (Signature Version 2)" examples, with its own example key.
TEST_F(AuthenticatorTest, documented_sigv2_examples) {
  Authenticator authenticator(credentials_, {.virtual_host_bucket = [](std::string_view host) {
                                return std::string(host.substr(0, host.find('.')));
                              }});
  HttpRequest request =
      make_request("GET", "/photos/puppy.jpg",
                   {{"Host", "awsexamplebucket1.us-west-1.s3.amazonaws.com"},
                    {"Date", "Tue, 27 Mar 2007 19:36:42 +0000"},
                    {"Authorization", "AWS AKIAIOSFODNN7EXAMPLE:qgk2+6Sv9/oM7G3qLEjTH1a1l1g="}});
  auto identity = authenticator.authenticate(request, Dialect::s3, at("2007-03-27T19:40:00Z"));
  EXPECT_TRUE(identity) << identity.error().code << identity.error().details["StringToSign"];
  EXPECT_EQ(code(request, Dialect::json, at("2007-03-27T19:40:00Z")),
            "IncompleteSignatureException");
}

// botocore's quirk: for a bucket in the path it signs "/bucket/" and sends "/bucket".
TEST_F(AuthenticatorTest, sigv2_of_a_bucket_in_the_path) {
  const std::string secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
  const auto presigned = [&](const std::string& path, const std::string& signed_path) {
    const std::string signature = signature_v2(secret, "GET\n\n\n1369357200\n" + signed_path);
    return make_request("GET",
                        path + "?prefix=a&AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=" +
                            "1369357200&Signature=" + percent_encode(signature),
                        {});
  };
  Authenticator authenticator(credentials_, {});
  for (const char* signed_path : {"/bucket", "/bucket/"})
    EXPECT_TRUE(authenticator.authenticate(presigned("/bucket", signed_path), Dialect::s3, kNow));
  EXPECT_FALSE(authenticator.authenticate(presigned("/bucket", "/other/"), Dialect::s3, kNow));
  EXPECT_FALSE(authenticator.authenticate(presigned("/bucket/a", "/bucket/a/"), Dialect::s3, kNow));
  EXPECT_FALSE(authenticator.authenticate(presigned("/", "//"), Dialect::s3, kNow));
}

TEST_F(AuthenticatorTest, finds_the_claimed_scope) {
  EXPECT_EQ(claimed_scope(get_object()).service, "s3");
  EXPECT_EQ(claimed_scope(make_request("GET", "/", {})).service, "");
  EXPECT_EQ(claimed_scope(
                make_request("GET", "/?X-Amz-Credential=a%2F20130524%2Fr%2Fsts%2Faws4_request", {}))
                .service,
            "sts");
}

TEST(SigningKey, documented_derivation_and_cache) {
  const Scope scope{"20150830", "us-east-1", "iam"};
  const std::string secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
  EXPECT_EQ(hex(derive_signing_key(secret, scope)),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
  SigningKeyCache cache;
  EXPECT_FALSE(cache.find_or_derive(secret, scope).cached);
  cache.remember(secret, scope, derive_signing_key(secret, scope));
  EXPECT_TRUE(cache.find_or_derive(secret, scope).cached);
  EXPECT_FALSE(cache.find_or_derive(secret, {"20150831", "us-east-1", "iam"}).cached);
  for (std::size_t i = 0; i < 3 * SigningKeyCache::kKeysMax; ++i)
    cache.remember(secret + std::to_string(i), scope, Digest{});
  EXPECT_LE(cache.size(), SigningKeyCache::kKeysMax);
}

TEST(AmzDate, reads_and_writes) {
  EXPECT_EQ(format_amz_date(*parse_amz_date("20240229T235959Z")), "20240229T235959Z");
  EXPECT_EQ(parse_amz_date("19700101T000001Z")->microseconds, 1'000'000);
  for (const char* bad : {"20230229T000000Z", "20240101T240000Z", "20240101 000000Z", "", "x"})
    EXPECT_FALSE(parse_amz_date(bad)) << bad;
}

}  // namespace
}  // namespace tidemill::wire::sigv4
