// Writing objects, and what keeps them consistent.
#include <thread>

#include "base/encoding.h"
#include "services/s3/testing/object_fixture.h"

namespace tidemill::services::s3 {
namespace {

TEST_F(ObjectTest, PutObject_roundTripsSizesSmallAndLarge) {
  for (std::size_t size :
       {std::size_t(0), std::size_t(1), std::size_t(1024), (std::size_t(1) << 20) + 1}) {
    std::string body(size, 'x');
    auto output = put("k", body);
    ASSERT_TRUE(output) << output.error().message;
    Got got = get("k");
    EXPECT_EQ(got.status, 200);
    EXPECT_TRUE(got.body == body);
    EXPECT_EQ(got.output.content_length, std::int64_t(size));
    EXPECT_EQ(got.output.etag, output->etag);
    EXPECT_EQ(got.output.content_type, "binary/octet-stream");
  }
  EXPECT_EQ(get("k").output.etag, put("k", std::string((1 << 20) + 1, 'x'))->etag);
}

TEST_F(ObjectTest, PutObject_etagIsTheQuotedMd5) {
  EXPECT_EQ(put("k", "hello")->etag, "\"5d41402abc4b2a76b9719d911017c592\"");
}

TEST_F(ObjectTest, PutObject_takesBodiesInPieces) {
  std::string body;
  for (int i = 0; i < 300'000; ++i) body += std::to_string(i);
  Context in = context();
  in.body = std::make_unique<PiecewiseSource>(body);
  EXPECT_OK(call<op::PutObject>(in, to("large")));
  EXPECT_TRUE(get("large").body == body);
}

TEST_F(ObjectTest, PutObject_keepsHeadersAndMetadata) {
  model::PutObjectRequest request = to("k");
  request.content_type = "text/csv";
  request.content_encoding = "aws-chunked,gzip";
  request.cache_control = "no-cache";
  request.content_disposition = "attachment";
  request.content_language = "de";
  request.expires = "Wed, 21 Oct 2026 07:28:00 GMT";
  request.metadata.emplace()["owner"] = "risk";
  request.storage_class = "STANDARD_IA";
  request.tagging = "a=1&b=two%20words";
  ASSERT_TRUE(put(request, "x"));
  restart();
  Got got = get("k");
  EXPECT_EQ(got.output.content_type, "text/csv");
  EXPECT_EQ(got.output.content_encoding, "gzip");
  EXPECT_EQ(got.output.cache_control, "no-cache");
  EXPECT_EQ(got.output.content_disposition, "attachment");
  EXPECT_EQ(got.output.content_language, "de");
  EXPECT_EQ(got.output.expires, "Wed, 21 Oct 2026 07:28:00 GMT");
  EXPECT_EQ(got.output.metadata->at("owner"), "risk");
  EXPECT_EQ(got.output.storage_class, "STANDARD_IA");
  EXPECT_EQ(got.output.tag_count, 2);
}

TEST_F(ObjectTest, PutObject_limits) {
  EXPECT_EQ(put_error(to(std::string(1025, 'k'))), "KeyTooLongError");
  EXPECT_EQ(put_error(to(std::string(1024, 'k'))), "");
  model::PutObjectRequest request = to("k");
  request.metadata.emplace()["m"] = std::string(2048, 'v');
  EXPECT_EQ(put_error(request), "MetadataTooLarge");
  request = to("k");
  request.storage_class = "GOLD";
  EXPECT_EQ(put_error(request), "InvalidStorageClass");
  request = to("k");
  request.tagging = "a=1&a=2";
  EXPECT_EQ(put_error(request), "InvalidTag");
}

TEST_F(ObjectTest, PutObject_refusesWhatIsNotUtf8) {
  EXPECT_EQ(put_error(to("bad\xff"
                         "key")),
            "InvalidURI");
  model::PutObjectRequest request = to("k");
  request.metadata.emplace()["m"] = "\xe4";
  EXPECT_EQ(put_error(request), "InvalidArgument");
  request = to("k");
  request.content_type = "text/\xe4";
  EXPECT_EQ(put_error(request), "InvalidArgument");
  request = to("k");
  request.tagging = "a=%ff";
  EXPECT_EQ(put_error(request), "InvalidTag");
  EXPECT_EQ(put_error(to(std::string("control\x01\x1f\x00", 10))), "");
  EXPECT_EQ(get(std::string("control\x01\x1f\x00", 10)).body, "hello");
}

TEST_F(ObjectTest, PutObject_tooLargeIsRefusedBeforeItIsRead) {
  class Huge final : public ByteSource {
   public:
    Result<std::size_t> read(std::span<char>) override {
      ADD_FAILURE() << "was read";
      return std::size_t(0);
    }
    std::optional<std::uint64_t> size() const override { return (5ull << 30) + 1; }
  };
  Context in = context();
  in.body = std::make_unique<Huge>();
  auto output = call<op::PutObject>(in, to("k"));
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().code, "EntityTooLarge");
}

TEST_F(ObjectTest, PutObject_refusesWhatItCannotDo) {
  model::PutObjectRequest request = to("k");
  request.server_side_encryption = "aws:kms";
  EXPECT_EQ(put_error(request), "");
  request.sse_kms_key_id = "alias/mine";
  EXPECT_EQ(put_error(request), "NotImplemented");
  request = to("k");
  request.server_side_encryption = "aws:kms:dsse";
  EXPECT_EQ(put_error(request), "NotImplemented");
  request = to("k");
  request.sse_customer_algorithm = "AES256";
  EXPECT_EQ(put_error(request), "NotImplemented");
  request = to("k");
  request.acl = "public-read";
  EXPECT_EQ(put_error(request), "AccessControlListNotSupported");
  request.acl = "private";
  EXPECT_EQ(put_error(request), "");
}

TEST_F(ObjectTest, PutObject_verifiesContentMd5) {
  model::PutObjectRequest request = to("k");
  request.content_md5 = "nonsense";
  EXPECT_EQ(put_error(request), "InvalidDigest");
  request.content_md5 = encode_base64(std::string(16, 'x'));
  EXPECT_EQ(put_error(request), "BadDigest");
  EXPECT_EQ(get("k").status, 404);
  request.content_md5 = "XUFAKrxLKna5cZ2REBfFkg==";
  EXPECT_EQ(put_error(request), "");
}

TEST_F(ObjectTest, PutObject_verifiesKeepsAndReturnsChecksums) {
  model::PutObjectRequest request = to("k");
  request.checksum_crc32 = "AAAAAA==";
  EXPECT_EQ(put_error(request), "BadDigest");
  request.checksum_crc32 = "AAAA";
  EXPECT_EQ(put_error(request), "InvalidRequest");
  request.checksum_crc32 = "NhCmhg==";  // of "hello"
  request.checksum_sha256 = "x";
  EXPECT_EQ(put_error(request), "InvalidRequest");
  request.checksum_sha256.reset();
  auto output = put(request, "hello");
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->checksum_crc32, "NhCmhg==");
  EXPECT_EQ(output->checksum_type, "FULL_OBJECT");
  EXPECT_FALSE(get("k").output.checksum_crc32);
  model::GetObjectRequest with_checksum = of("k");
  with_checksum.checksum_mode = "ENABLED";
  EXPECT_EQ(get(with_checksum).output.checksum_crc32, "NhCmhg==");
  with_checksum.range = "bytes=0-1";
  EXPECT_FALSE(get(with_checksum).output.checksum_crc32);
  model::PutObjectRequest announced = to("k");
  announced.checksum_algorithm = "CRC32";
  EXPECT_EQ(put_error(announced), "InvalidRequest");
}

TEST_F(ObjectTest, PutObject_verifiesTrailingChecksums) {
  for (auto [trailer, expected] : std::vector<std::pair<std::string, std::string>>{
           {"NhCmhg==", ""}, {"AAAAAA==", "BadDigest"}, {"", "MalformedTrailerError"}}) {
    Context in = context();
    in.body = std::make_unique<PiecewiseSource>("hello");
    in.find_header = [](std::string_view name) -> const std::string* {
      static const std::string kChecksum = "x-amz-checksum-crc32";
      return name == "x-amz-trailer" ? &kChecksum : nullptr;
    };
    in.trailers = [value = trailer] {
      std::map<std::string, std::string> trailers;
      if (!value.empty()) trailers["x-amz-checksum-crc32"] = value;
      return trailers;
    };
    model::PutObjectRequest request = to("k" + trailer);
    request.checksum_algorithm = "CRC32";
    auto output = call<op::PutObject>(in, request);
    EXPECT_EQ(output ? "" : output.error().code, expected);
    if (output) {
      EXPECT_EQ(output->checksum_crc32, "NhCmhg==");
    }
  }
}

TEST_F(ObjectTest, PutObject_conditionalWrites) {
  model::PutObjectRequest if_absent = to("k");
  if_absent.if_none_match = "*";
  auto first = put(if_absent, "one");
  ASSERT_TRUE(first);
  EXPECT_EQ(put_error(if_absent), "PreconditionFailed");
  model::PutObjectRequest if_same = to("k");
  if_same.if_match = *first->etag;
  EXPECT_EQ(put_error(if_same, "two"), "");
  EXPECT_EQ(put_error(if_same, "three"), "PreconditionFailed");
  EXPECT_EQ(get("k").body, "two");
  if_same.key = "missing";
  EXPECT_EQ(put_error(if_same), "NoSuchKey");
  if_absent.if_none_match = "\"abc\"";
  EXPECT_EQ(put_error(if_absent), "NotImplemented");
}

TEST_F(ObjectTest, PutObject_ifNoneMatchFromManyThreadsHasOneWinner) {
  std::atomic<int> winners = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      model::PutObjectRequest request = to("race");
      request.if_none_match = "*";
      if (put(request, "body " + std::to_string(i))) ++winners;
    });
  threads.clear();
  EXPECT_EQ(winners, 1);
}

TEST_F(ObjectTest, PutObject_overwritesFreeTheOldBytes) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(put("k", std::string(100'000, char('a' + i % 26))));
  EXPECT_LT(blobs_->statistics().segment_live_bytes, 200'000u);
  ASSERT_TRUE(call<op::DeleteObject>({"data", "k"}));
  EXPECT_EQ(blobs_->statistics().segment_live_bytes, 0u);
}

TEST_F(ObjectTest, GetObject_beside_overwritesIsAlwaysOneVersion) {
  ASSERT_TRUE(put("k", std::string(2000, 'a')));
  std::atomic<bool> done = false;
  std::jthread writer([&] {
    for (int i = 0; i < 300; ++i) ASSERT_TRUE(put("k", std::string(2000 + i, char('a' + i % 26))));
    done = true;
  });
  while (!done) {
    Got got = get("k");
    ASSERT_EQ(got.status, 200) << got.error.message;
    ASSERT_EQ(got.output.content_length, std::int64_t(got.body.size()));
    ASSERT_EQ(got.body.find_first_not_of(got.body[0]), std::string::npos);
  }
}

}  // namespace
}  // namespace tidemill::services::s3
