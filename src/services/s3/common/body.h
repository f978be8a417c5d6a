// Taking in a body: counted, hashed, compared with what the client announced, durable.
#pragma once

#include <optional>
#include <string>

#include "base/byte_stream.h"
#include "blobs/blobs.h"
#include "services/platform/handlers/handlers.h"
#include "services/s3/common/checksums.h"

namespace tidemill::services::s3 {

struct BodyOptions {
  std::optional<std::string> content_md5;          // base64
  std::vector<GivenChecksum> given = {};           // in the head; at most one
  std::optional<std::string> announced_algorithm;  // x-amz-sdk-checksum-algorithm
  // Computed also when the client gives none; a given one must be of this algorithm. nullopt: the
  // client chooses, and one that does not gets CRC64NVME.
  std::optional<ChecksumAlgorithm> wanted;
  // Computes a CRC64NVME whatever the client chooses: of parts, from which the whole object's is
  // made.
  bool with_crc64nvme = false;
};

struct ReceivedBody {
  blobs::BlobRef blob;
  std::string md5;  // hexadecimal
  std::optional<ChecksumRecord> checksum;
  std::optional<std::string> crc64nvme;  // base64, when it was wanted beside another checksum
};

// Reads `body` (null: empty) to its end. The blob is durable when it returns. BadDigest,
// InvalidDigest, InvalidRequest, EntityTooLarge, and errors of the stream. `context` is asked for
// trailing headers; nullptr: none.
Result<ReceivedBody> receive_body(blobs::BlobStore& blobs, Context* context, ByteSource* body,
                                  const BodyOptions& options);

}  // namespace tidemill::services::s3
