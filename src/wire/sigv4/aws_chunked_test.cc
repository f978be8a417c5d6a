#include "wire/sigv4/aws_chunked.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "wire/sigv4/limits.h"
#include "wire/sigv4/payload.h"
#include "wire/sigv4/test_support.h"

namespace tidemill::wire::sigv4 {
namespace {

// Returns a few bytes at a time, like a slow connection.
class DrippingSource final : public ByteSource {
 public:
  DrippingSource(std::string bytes, std::size_t step) : bytes_(std::move(bytes)), step_(step) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    const std::size_t count = std::min({step_, buffer.size(), bytes_.size() - position_});
    bytes_.copy(buffer.data(), count, position_);
    position_ += count;
    return count;
  }
  std::optional<std::uint64_t> size() const override { return std::nullopt; }

 private:
  std::string bytes_;
  std::size_t step_, position_ = 0;
};

// AWS's "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
// Chunks" and "... Including Trailing Headers".
Identity documented_identity(PayloadKind kind) {
  const bool trailer = kind == PayloadKind::chunked_signed_trailer;
  Identity identity;
  identity.payload = kind;
  identity.verify_chunks = true;
  identity.signing_key = derive_signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                            {"20130524", "us-east-1", "s3"});
  identity.seed_signature =
      trailer ? "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"
              : "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
  identity.date_time = "20130524T000000Z";
  identity.scope = "20130524/us-east-1/s3/aws4_request";
  return identity;
}
const std::string kObject(66'560, 'a');

std::string signed_body() {
  return "10000;chunk-signature="
         "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n" +
         std::string(65'536, 'a') +
         "\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
         "\r\n" +
         std::string(1024, 'a') +
         "\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
         "\r\n\r\n";
}
std::string signed_trailer_body(const std::string& line_end) {
  return "10000;chunk-signature="
         "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n" +
         std::string(65'536, 'a') +
         "\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"
         "\r\n" +
         std::string(1024, 'a') +
         "\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"
         "\r\nx-amz-checksum-crc32c:sOO8/Q==" +
         line_end +
         "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
         "\r\n\r\n";
}
AwsChunkedOptions options(std::uint64_t size, bool trailer = false) {
  AwsChunkedOptions options{size};
  if (trailer) options.declared_trailers = {"x-amz-checksum-crc32c"};
  return options;
}

TEST(AwsChunked, documented_signed_chunks) {
  const Identity identity = documented_identity(PayloadKind::chunked_signed);
  auto body = decode_aws_chunked(signed_body(), identity, options(kObject.size()));
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_EQ(body->bytes, kObject);
  // Any change of data, size or signature is detected.
  for (std::size_t at : {3u, 40u, 100u, 60'000u, 65'700u, 66'000u}) {
    std::string tampered = signed_body();
    tampered[at] ^= 1;
    EXPECT_FALSE(decode_aws_chunked(tampered, identity, options(kObject.size()))) << at;
  }
}

TEST(AwsChunked, documented_signed_trailer) {
  const Identity identity = documented_identity(PayloadKind::chunked_signed_trailer);
  for (const char* line_end : {"\r\n", "\n\r\n"}) {
    auto body =
        decode_aws_chunked(signed_trailer_body(line_end), identity, options(kObject.size(), true));
    ASSERT_TRUE(body) << body.error().message;
    EXPECT_EQ(body->bytes, kObject);
    EXPECT_EQ(body->trailers.get("x-amz-checksum-crc32c"), "sOO8/Q==");
  }
  std::string tampered = signed_trailer_body("\r\n");
  tampered.replace(tampered.find("sOO8"), 4, "sOO9");
  auto body = decode_aws_chunked(tampered, identity, options(kObject.size(), true));
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code, "SignatureDoesNotMatch");
}

TEST(AwsChunked, streams_in_any_pieces) {
  for (std::size_t step : {1u, 7u, 4096u, 1'000'000u}) {
    AwsChunkedSource source(std::make_unique<DrippingSource>(signed_trailer_body("\r\n"), step),
                            documented_identity(PayloadKind::chunked_signed_trailer),
                            options(kObject.size(), true));
    EXPECT_EQ(source.size(), kObject.size());
    auto bytes = read_all(source, 1 << 20);
    ASSERT_TRUE(bytes) << step << " " << bytes.error().message;
    EXPECT_EQ(*bytes, kObject);
    EXPECT_EQ(source.trailers().get("x-amz-checksum-crc32c"), "sOO8/Q==");
  }
}

std::string code_of(std::string framed, AwsChunkedOptions options) {
  Identity identity;
  identity.payload = PayloadKind::chunked_unsigned_trailer;
  auto whole = decode_aws_chunked(framed, identity, options);
  AwsChunkedSource source(std::make_unique<DrippingSource>(framed, 3), identity, options);
  auto streamed = read_all(source, 1 << 20);
  EXPECT_EQ(whole.has_value(), streamed.has_value());
  if (whole)
    EXPECT_EQ(whole->bytes, *streamed);
  else
    EXPECT_EQ(whole.error().code, streamed.error().code);
  return whole ? "ok:" + whole->bytes : whole.error().code;
}

TEST(AwsChunked, unsigned_bodies) {
  AwsChunkedOptions with_crc{5, {"x-amz-checksum-crc32"}};
  const std::string crc = encode_base64(checksum_of(ChecksumAlgorithm::crc32, "hello"));
  EXPECT_EQ(code_of("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + crc + "\r\n\r\n", with_crc),
            "ok:hello");
  EXPECT_EQ(code_of("5\r\nhello\r\n0\r\nX-Amz-Checksum-Crc32: " + crc + " \r\n", with_crc),
            "ok:hello");
  EXPECT_EQ(code_of("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:" + crc, with_crc), "ok:hello");
  EXPECT_EQ(code_of("5\r\nhellO\r\n0\r\nx-amz-checksum-crc32:" + crc + "\r\n\r\n", with_crc),
            "BadDigest");
  EXPECT_EQ(code_of("5\r\nhello\r\n0\r\n\r\n", with_crc), "MalformedTrailerError");
  EXPECT_EQ(code_of("5\r\nhello\r\n0\r\nother:x\r\n\r\n", {5}), "MalformedTrailerError");
  EXPECT_EQ(code_of("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", {5}), "ok:hello");
  EXPECT_EQ(code_of("0\r\n\r\n", {0}), "ok:");
}

TEST(AwsChunked, broken_framing) {
  EXPECT_EQ(code_of("", {0}), "IncompleteBody");
  EXPECT_EQ(code_of("5\r\nhel", {5}), "IncompleteBody");
  EXPECT_EQ(code_of("5\r\nhello\r\n", {5}), "IncompleteBody");
  EXPECT_EQ(code_of("5\r\nhello\r\n0\r\n\r\n", {6}), "IncompleteBody");
  EXPECT_EQ(code_of("5\r\nhello\r\n0\r\n\r\n", {4}), "IncompleteBody");
  EXPECT_EQ(code_of("5\r\nhello!\r\n0\r\n\r\n", {5}), "InvalidRequest");
  EXPECT_EQ(code_of("x\r\nhello\r\n0\r\n\r\n", {5}), "InvalidRequest");
  EXPECT_EQ(code_of("-5\r\nhello\r\n0\r\n\r\n", {5}), "InvalidRequest");
  EXPECT_EQ(code_of("ffffffffffffffff\r\nhello", {5}), "InvalidRequest");
  EXPECT_EQ(code_of("fffffffffffffffff\r\nhello", {5}), "InvalidRequest");
  EXPECT_EQ(code_of(std::string(kChunkHeaderBytesMax + 1, '1'), {5}), "InvalidRequest");
  EXPECT_EQ(code_of("0\r\n\r\nmore", {0}), "InvalidRequest");
  std::string trailers = "0\r\n";
  for (std::size_t i = 0; i < 2 * kTrailersMax; ++i) trailers += "a:b\r\n";
  EXPECT_EQ(code_of(trailers + "\r\n", {0, {"a"}}), "MalformedTrailerError");
}

TEST(PrepareBody, keeps_other_content_encodings) {
  HttpRequest request =
      make_request("PUT", "/b/k",
                   {{"Content-Encoding", "aws-chunked, gzip"},
                    {"x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"},
                    {"x-amz-decoded-content-length", "2"}},
                   "2\r\nhi\r\n0\r\n\r\n");
  Identity identity;
  ASSERT_TRUE(classify_payload(request, Dialect::s3, identity));
  ASSERT_TRUE(prepare_body(request, identity, Dialect::s3));
  EXPECT_EQ(request.body, "hi");
  EXPECT_EQ(request.headers.get("content-encoding"), "gzip");
}

TEST(PrepareBody, checks_the_hash_of_bodies_and_streams) {
  HttpRequest request = make_request("PUT", "/b/k", {{"x-amz-content-sha256", hex(sha256("hi"))}});
  Identity identity;
  ASSERT_TRUE(classify_payload(request, Dialect::s3, identity));
  request.body = "hi";
  EXPECT_TRUE(prepare_body(request, identity, Dialect::s3));
  request.body = "ho";
  EXPECT_EQ(prepare_body(request, identity, Dialect::s3).error().code, "XAmzContentSHA256Mismatch");
  for (const char* bytes : {"hi", "ho"}) {
    request.stream = std::make_unique<DrippingSource>(bytes, 1);
    ASSERT_TRUE(prepare_body(request, identity, Dialect::s3));
    auto read = read_all(*request.stream, 10);
    EXPECT_EQ(read.has_value(), std::string(bytes) == "hi");
  }
}

TEST(PrepareBody, asks_for_the_decoded_length) {
  HttpRequest request = make_request(
      "PUT", "/b/k", {{"x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}}, "0\r\n\r\n");
  Identity identity;
  ASSERT_TRUE(classify_payload(request, Dialect::s3, identity));
  EXPECT_EQ(prepare_body(request, identity, Dialect::s3).error().code, "MissingContentLength");
}

}  // namespace
}  // namespace tidemill::wire::sigv4
