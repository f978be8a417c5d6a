#include "services/s3/multipart/multipart.h"

#include "api/s3/bucket.h"
#include "api/s3/object.h"
#include "base/checksum.h"
#include "base/encoding.h"
#include "services/s3/testing/fixture.h"

namespace tidemill::services::s3 {
namespace {

namespace op = model::operations;

constexpr std::size_t kPartBytes = 5 << 20;

class MultipartTest : public S3Test {
 protected:
  MultipartTest() {
    model::CreateBucketRequest request;
    request.bucket = "data";
    EXPECT_OK(call<op::CreateBucket>(request));
  }
  std::string begin(model::CreateMultipartUploadRequest request = {}) {
    request.bucket = "data";
    if (request.key.empty()) request.key = "k";
    auto output = call<op::CreateMultipartUpload>(request);
    EXPECT_TRUE(output) << output.error().message;
    return output ? *output->upload_id : "";
  }
  static model::UploadPartRequest part_request(const std::string& id, int number) {
    model::UploadPartRequest request;
    request.bucket = "data";
    request.key = "k";
    request.upload_id = id;
    request.part_number = number;
    return request;
  }
  Result<model::UploadPartOutput> upload(const model::UploadPartRequest& request,
                                         std::string body) {
    Context in = context(std::move(body));
    return call<op::UploadPart>(in, request);
  }
  model::CompletedPart upload(const std::string& id, int number, std::string body) {
    auto output = upload(part_request(id, number), std::move(body));
    EXPECT_TRUE(output) << output.error().message;
    model::CompletedPart part;
    part.part_number = number;
    if (output) part.etag = output->etag;
    return part;
  }
  static model::CompleteMultipartUploadRequest complete_request(
      const std::string& id, std::vector<model::CompletedPart> parts) {
    model::CompleteMultipartUploadRequest request;
    request.bucket = "data";
    request.key = "k";
    request.upload_id = id;
    request.multipart_upload.ensure().parts = std::move(parts);
    return request;
  }
  std::string get(const std::string& range = "", int part = 0,
                  model::GetObjectOutput* out = nullptr) {
    model::GetObjectRequest request;
    request.bucket = "data";
    request.key = "k";
    request.checksum_mode = "ENABLED";
    if (!range.empty()) request.range = range;
    if (part) request.part_number = part;
    Context in = context();
    auto output = call<op::GetObject>(in, request);
    if (!output) return output.error().code;
    if (out) *out = *output;
    return drain(in);
  }
};

TEST_F(MultipartTest, CompleteMultipartUpload_joinsPartsWithoutCopying) {
  model::CreateMultipartUploadRequest create;
  create.content_type = "text/csv";
  create.metadata.emplace()["m"] = "1";
  std::string id = begin(create);
  std::string first(kPartBytes, 'a');
  std::string second(kPartBytes, 'b');
  std::vector<model::CompletedPart> parts = {upload(id, 1, first), upload(id, 3, second),
                                             upload(id, 7, "end")};
  std::uint64_t files_before = blobs_->statistics().files_written;
  auto output = call<op::CompleteMultipartUpload>(complete_request(id, parts));
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(blobs_->statistics().files_written, files_before);
  std::string digests = checksum_of(ChecksumAlgorithm::md5, first) +
                        checksum_of(ChecksumAlgorithm::md5, second) +
                        checksum_of(ChecksumAlgorithm::md5, "end");
  EXPECT_EQ(output->etag, "\"" + encode_hex(checksum_of(ChecksumAlgorithm::md5, digests)) + "-3\"");
  EXPECT_EQ(output->location, "http://localhost:4566/data/k");
  model::GetObjectOutput got;
  EXPECT_TRUE(get("", 0, &got) == first + second + "end");
  EXPECT_EQ(got.content_type, "text/csv");
  EXPECT_EQ(got.metadata->at("m"), "1");
  // Across the parts' borders, and single parts.
  EXPECT_EQ(get("bytes=" + std::to_string(kPartBytes - 2) + "-" + std::to_string(kPartBytes + 1)),
            "aabb");
  EXPECT_EQ(get("bytes=-4"), "bend");
  EXPECT_EQ(get("", 3, &got), "end");
  EXPECT_EQ(got.parts_count, 3);
  EXPECT_EQ(get("", 4), "InvalidPartNumber");
  restart();
  EXPECT_TRUE(get() == first + second + "end");
}

TEST_F(MultipartTest, CompleteMultipartUpload_repeatedAnswersTheSame) {
  std::string id = begin();
  auto request = complete_request(id, {upload(id, 1, "only")});
  auto first = call<op::CompleteMultipartUpload>(request);
  auto second = call<op::CompleteMultipartUpload>(request);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->etag, second->etag);
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(
                complete_request("none", *request.multipart_upload->parts)),
            "NoSuchUpload");
}

TEST_F(MultipartTest, CompleteMultipartUpload_checksTheParts) {
  std::string id = begin();
  model::CompletedPart small = upload(id, 1, "small");
  model::CompletedPart last = upload(id, 2, "last");
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(complete_request(id, {})), "MalformedXML");
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(complete_request(id, {last, small})),
            "InvalidPartOrder");
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(complete_request(id, {small, last})),
            "EntityTooSmall");
  model::CompletedPart wrong = small;
  wrong.etag = "\"00000000000000000000000000000000\"";
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(complete_request(id, {wrong})), "InvalidPart");
  wrong = small;
  wrong.part_number = 9;
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(complete_request(id, {wrong})), "InvalidPart");
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(complete_request(id, {last})), "");
  EXPECT_EQ(get(), "last");
}

TEST_F(MultipartTest, CompleteMultipartUpload_releasesPartsThatWereNotNamed) {
  std::string id = begin();
  upload(id, 1, std::string(100'000, 'x'));
  auto named = upload(id, 2, "named");
  EXPECT_OK(call<op::CompleteMultipartUpload>(complete_request(id, {named})));
  EXPECT_LT(blobs_->statistics().segment_live_bytes, 1000u);
}

TEST_F(MultipartTest, CompleteMultipartUpload_conditions) {
  std::string id = begin();
  auto request = complete_request(id, {upload(id, 1, "one")});
  request.if_none_match = "*";
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(request), "");
  id = begin();
  request = complete_request(id, {upload(id, 1, "two")});
  request.if_none_match = "*";
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(request), "PreconditionFailed");
  // The upload is still there.
  request.if_none_match.reset();
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(request), "");
  EXPECT_EQ(get(), "two");
}

TEST_F(MultipartTest, UploadPart_replacesAPart) {
  std::string id = begin();
  upload(id, 1, "old");
  auto part = upload(id, 1, "new");
  EXPECT_OK(call<op::CompleteMultipartUpload>(complete_request(id, {part})));
  EXPECT_EQ(get(), "new");
}

TEST_F(MultipartTest, UploadPart_errors) {
  std::string id = begin();
  auto code = [&](const model::UploadPartRequest& request) {
    auto output = upload(request, "x");
    return output ? "" : output.error().code;
  };
  EXPECT_EQ(code(part_request(id, 0)), "InvalidArgument");
  EXPECT_EQ(code(part_request(id, 10'001)), "InvalidArgument");
  EXPECT_EQ(code(part_request("nothing", 1)), "NoSuchUpload");
  model::UploadPartRequest bad = part_request(id, 1);
  bad.content_md5 = encode_base64(std::string(16, 'x'));
  EXPECT_EQ(code(bad), "BadDigest");
}

TEST_F(MultipartTest, Checksums_compositeNeedsEachPartsChecksum) {
  model::CreateMultipartUploadRequest create;
  create.checksum_algorithm = "SHA256";
  std::string id = begin(create);
  std::string first(kPartBytes, 'a');
  auto one = upload(part_request(id, 1), first);
  auto two = upload(part_request(id, 2), "end");
  ASSERT_TRUE(one && two);
  EXPECT_EQ(two->checksum_sha256, encode_base64(checksum_of(ChecksumAlgorithm::sha256, "end")));
  model::CompletedPart part_one;
  part_one.part_number = 1;
  part_one.etag = one->etag;
  model::CompletedPart part_two;
  part_two.part_number = 2;
  part_two.etag = two->etag;
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(complete_request(id, {part_one, part_two})),
            "InvalidRequest");
  part_one.checksum_sha256 = one->checksum_sha256;
  part_two.checksum_sha256 = one->checksum_sha256;
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(complete_request(id, {part_one, part_two})),
            "InvalidPart");
  part_two.checksum_sha256 = two->checksum_sha256;
  auto output = call<op::CompleteMultipartUpload>(complete_request(id, {part_one, part_two}));
  ASSERT_TRUE(output) << output.error().message;
  std::string digests =
      checksum_of(ChecksumAlgorithm::sha256, first) + checksum_of(ChecksumAlgorithm::sha256, "end");
  EXPECT_EQ(output->checksum_sha256,
            encode_base64(checksum_of(ChecksumAlgorithm::sha256, digests)) + "-2");
  EXPECT_EQ(output->checksum_type, "COMPOSITE");
  model::GetObjectOutput got;
  get("", 2, &got);
  EXPECT_EQ(got.checksum_sha256, two->checksum_sha256);
}

TEST_F(MultipartTest, Checksums_fullObjectIsThatOfTheWhole) {
  model::CreateMultipartUploadRequest create;
  create.checksum_algorithm = "CRC64NVME";
  std::string id = begin(create);
  std::string first(kPartBytes, 'a');
  auto request = complete_request(id, {upload(id, 1, first), upload(id, 2, "end")});
  request.mpu_object_size = 1;
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(request), "InvalidRequest");
  request.mpu_object_size = kPartBytes + 3;
  request.checksum_crc64nvme = encode_base64(std::string(8, 'x'));
  EXPECT_EQ(error_of<op::CompleteMultipartUpload>(request), "BadDigest");
  request.checksum_crc64nvme.reset();
  auto output = call<op::CompleteMultipartUpload>(request);
  ASSERT_TRUE(output) << output.error().message;
  EXPECT_EQ(output->checksum_crc64nvme,
            encode_base64(checksum_of(ChecksumAlgorithm::crc64nvme, first + "end")));
  EXPECT_EQ(output->checksum_type, "FULL_OBJECT");
}

TEST_F(MultipartTest, CreateMultipartUpload_checksChecksumTypes) {
  model::CreateMultipartUploadRequest request;
  request.bucket = "data";
  request.key = "k";
  request.checksum_type = "FULL_OBJECT";
  EXPECT_EQ(error_of<op::CreateMultipartUpload>(request), "InvalidRequest");
  request.checksum_algorithm = "SHA1";
  EXPECT_EQ(error_of<op::CreateMultipartUpload>(request), "InvalidRequest");
  request.checksum_algorithm = "CRC32";
  EXPECT_EQ(error_of<op::CreateMultipartUpload>(request), "");
}

TEST_F(MultipartTest, UploadPartCopy_copiesRanges) {
  StringSource body("0123456789");
  ASSERT_TRUE(service_->put_object(kAccount, "data", "source", body, {}));
  std::string id = begin();
  model::UploadPartCopyRequest request;
  request.bucket = "data";
  request.key = "k";
  request.upload_id = id;
  request.part_number = 1;
  request.copy_source = "data/source";
  request.copy_source_range = "bytes=2-5";
  auto copied = call<op::UploadPartCopy>(request);
  ASSERT_TRUE(copied) << copied.error().message;
  model::CompletedPart part;
  part.part_number = 1;
  part.etag = copied->copy_part_result->etag;
  EXPECT_OK(call<op::CompleteMultipartUpload>(complete_request(id, {part})));
  EXPECT_EQ(get(), "2345");
  request.upload_id = begin();
  request.copy_source_range = "bytes=2-10";
  EXPECT_EQ(error_of<op::UploadPartCopy>(request), "InvalidArgument");
}

TEST_F(MultipartTest, AbortMultipartUpload_freesParts) {
  std::string id = begin();
  upload(id, 1, std::string(100'000, 'x'));
  model::AbortMultipartUploadRequest request{"data", "k", id};
  EXPECT_OK(call<op::AbortMultipartUpload>(request));
  EXPECT_EQ(error_of<op::AbortMultipartUpload>(request), "NoSuchUpload");
  EXPECT_EQ(blobs_->statistics().segment_live_bytes, 0u);
  auto late = upload(part_request(id, 2), "x");
  EXPECT_EQ(late.error().code, "NoSuchUpload");
}

TEST_F(MultipartTest, ListParts_pages) {
  std::string id = begin();
  for (int number : {1, 2, 5}) upload(id, number, "x");
  model::ListPartsRequest request;
  request.bucket = "data";
  request.key = "k";
  request.upload_id = id;
  request.max_parts = 2;
  auto page = call<op::ListParts>(request);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->parts->size(), 2u);
  EXPECT_EQ(page->is_truncated, true);
  EXPECT_EQ(page->next_part_number_marker, 2);
  request.part_number_marker = 2;
  page = call<op::ListParts>(request);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->parts->at(0).part_number, 5);
  EXPECT_EQ(page->is_truncated, false);
}

TEST_F(MultipartTest, ListMultipartUploads_pagesAndFolds) {
  for (std::string key : {"a/1", "a/2", "b", "c"}) {
    model::CreateMultipartUploadRequest create;
    create.key = key;
    begin(create);
  }
  model::ListMultipartUploadsRequest request;
  request.bucket = "data";
  request.delimiter = "/";
  request.max_uploads = 2;
  auto page = call<op::ListMultipartUploads>(request);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->common_prefixes->at(0).prefix, "a/");
  EXPECT_EQ(page->uploads->at(0).key, "b");
  EXPECT_EQ(page->is_truncated, true);
  request.key_marker = page->next_key_marker;
  request.upload_id_marker = page->next_upload_id_marker;
  page = call<op::ListMultipartUploads>(request);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->uploads->size(), 1u);
  EXPECT_EQ(page->uploads->at(0).key, "c");
  EXPECT_FALSE(page->common_prefixes);
  EXPECT_EQ(page->is_truncated, false);
}

TEST_F(MultipartTest, DeleteBucket_abortsUnfinishedUploads) {
  std::string id = begin();
  upload(id, 1, std::string(100'000, 'x'));
  EXPECT_OK(call<op::DeleteBucket>({"data"}));
  EXPECT_EQ(blobs_->statistics().segment_live_bytes, 0u);
}

TEST_F(MultipartTest, Uploads_goOnAfterARestart) {
  std::string id = begin();
  auto part = upload(id, 1, "before");
  restart();
  EXPECT_OK(call<op::CompleteMultipartUpload>(complete_request(id, {part})));
  EXPECT_EQ(get(), "before");
}

}  // namespace
}  // namespace tidemill::services::s3
