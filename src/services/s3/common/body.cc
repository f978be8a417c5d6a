#include "services/s3/common/body.h"

#include <memory>

#include "base/encoding.h"
#include "services/s3/common/errors.h"
#include "services/s3/common/limits.h"

namespace tidemill::services::s3 {

namespace {

std::string header_of(ChecksumAlgorithm algorithm) {
  return std::string(checksum_header(algorithm));
}

// The checksums that are computed as the bytes pass.
class Digests {
 public:
  Digests(ChecksumAlgorithm algorithm, bool with_crc64nvme)
      : md5_(Checksum::make(ChecksumAlgorithm::md5)),
        checksum_(Checksum::make(algorithm)),
        crc64nvme_(with_crc64nvme && algorithm != ChecksumAlgorithm::crc64nvme
                       ? Checksum::make(ChecksumAlgorithm::crc64nvme)
                       : nullptr) {}
  void update(std::string_view bytes) {
    md5_->update(bytes);
    checksum_->update(bytes);
    if (crc64nvme_) crc64nvme_->update(bytes);
  }
  std::string md5() const { return md5_->digest(); }
  std::string checksum() const { return checksum_->digest(); }
  std::string crc64nvme() const { return crc64nvme_ ? crc64nvme_->digest() : checksum_->digest(); }

 private:
  std::unique_ptr<Checksum> md5_;
  std::unique_ptr<Checksum> checksum_;
  std::unique_ptr<Checksum> crc64nvme_;  // nullptr: checksum_ is the one
};

struct Plan {
  ChecksumAlgorithm algorithm = kDefaultChecksum;
  std::optional<std::string> value;  // base64, when it came in the head
  bool in_trailer = false;
  std::optional<std::string> md5;  // raw
};

Result<void> check_value(ChecksumAlgorithm algorithm, std::string_view value) {
  Result<std::string> raw = decode_base64(value);
  if (!raw || raw->size() != checksum_size_bytes(algorithm))
    return fail(invalid_request("Value for " + header_of(algorithm) + " header is invalid."));
  return {};
}

Result<Plan> make_plan(const Context* context, const BodyOptions& options) {
  Plan plan{options.wanted.value_or(kDefaultChecksum)};
  if (options.content_md5) {
    Result<std::string> raw = decode_base64(*options.content_md5);
    if (!raw || raw->size() != checksum_size_bytes(ChecksumAlgorithm::md5))
      return fail("InvalidDigest", "The Content-MD5 you specified was invalid.", 400);
    plan.md5 = std::move(*raw);
  }
  if (options.given.size() > 1)
    return fail(invalid_request(
        "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."));
  std::optional<ChecksumAlgorithm> from_client;
  if (!options.given.empty()) {
    from_client = options.given.front().algorithm;
    plan.value = options.given.front().value;
    TRY(check_value(*from_client, *plan.value));
  } else if (const std::string* trailer = context ? context->header("x-amz-trailer") : nullptr) {
    from_client = checksum_by_header(*trailer);
    plan.in_trailer = from_client.has_value();
  }
  if (!from_client && options.announced_algorithm)
    return fail(
        invalid_request("x-amz-sdk-checksum-algorithm specified, but no corresponding "
                        "x-amz-checksum-* or x-amz-trailer headers were found."));
  if (from_client && options.wanted && *from_client != *options.wanted)
    return fail(
        invalid_request("Checksum Type mismatch occurred, expected checksum Type: " +
                        std::string(checksum_name(*options.wanted)) +
                        ", actual checksum Type: " + std::string(checksum_name(*from_client))));
  if (from_client) plan.algorithm = *from_client;
  return plan;
}

Result<std::uint64_t> pass_through(ByteSource& body, Digests& digests, blobs::BlobWriter& writer) {
  auto buffer = std::make_unique<char[]>(limits::body_piece_bytes);
  std::uint64_t total = 0;
  while (true) {
    std::size_t got = TRY(body.read(std::span(buffer.get(), limits::body_piece_bytes)));
    if (got == 0) return total;
    total += got;
    if (total > limits::upload_bytes_max) return fail(entity_too_large(total));
    digests.update(std::string_view(buffer.get(), got));
    TRY(writer.append(std::span<const char>(buffer.get(), got)));
  }
}

// Checks trailers, and everything the client announced, after the last byte.
Result<ChecksumRecord> check(const Context* context, const Plan& plan, const Digests& digests) {
  if (plan.md5 && *plan.md5 != digests.md5())
    return fail("BadDigest", "The Content-MD5 you specified did not match what we received.", 400);
  std::optional<std::string> value = plan.value;
  if (plan.in_trailer) {
    std::map<std::string, std::string> trailers;
    if (context->trailers) trailers = context->trailers();
    auto found = trailers.find(header_of(plan.algorithm));
    if (found == trailers.end())
      return fail(
          "MalformedTrailerError",
          "The request contained trailing data that was not well-formed or did not conform to "
          "our published schema.",
          400);
    value = found->second;
    TRY(check_value(plan.algorithm, *value));
  }
  std::string computed = encode_base64(digests.checksum());
  if (value && *value != computed)
    return fail("BadDigest",
                "The " + std::string(checksum_name(plan.algorithm)) +
                    " you specified did not match the calculated checksum.",
                400);
  return ChecksumRecord{std::string(checksum_name(plan.algorithm)), std::move(computed),
                        kFullObject};
}

}  // namespace

Result<ReceivedBody> receive_body(blobs::BlobStore& blobs, Context* context, ByteSource* body,
                                  const BodyOptions& options) {
  Plan plan = TRY(make_plan(context, options));
  if (body && body->size() && *body->size() > limits::upload_bytes_max)
    return fail(entity_too_large(*body->size()));
  Digests digests(plan.algorithm, options.with_crc64nvme);
  ReceivedBody received;
  std::optional<std::string> in_memory = body ? body->take_in_memory() : std::string();
  if (in_memory) {
    digests.update(*in_memory);
    received.checksum = TRY(check(context, plan, digests));
    received.blob = TRY(blobs.put(*in_memory));
  } else {
    std::unique_ptr<blobs::BlobWriter> writer = TRY(blobs.create());
    TRY(pass_through(*body, digests, *writer));
    received.checksum = TRY(check(context, plan, digests));
    received.blob = TRY(writer->finish());
  }
  received.md5 = encode_hex(digests.md5());
  if (options.with_crc64nvme) received.crc64nvme = encode_base64(digests.crc64nvme());
  return received;
}

}  // namespace tidemill::services::s3
