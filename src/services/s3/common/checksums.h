// The x-amz-checksum-* members of requests and responses, for every shape that has them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "services/s3/common/records.h"

namespace tidemill::services::s3 {

inline constexpr const char* kFullObject = "FULL_OBJECT";
inline constexpr const char* kComposite = "COMPOSITE";
// The checksum of objects whose writers ask for none.
inline constexpr ChecksumAlgorithm kDefaultChecksum = ChecksumAlgorithm::crc64nvme;

// A checksum as a client gave it.
struct GivenChecksum {
  ChecksumAlgorithm algorithm;
  std::string value;
};

// Calls visit(algorithm, member) for each checksum member of a generated struct.
template <class Shape, class Visit>
void for_each_checksum(Shape& shape, Visit visit) {
  visit(ChecksumAlgorithm::crc32, shape.checksum_crc32);
  visit(ChecksumAlgorithm::crc32c, shape.checksum_crc32c);
  visit(ChecksumAlgorithm::crc64nvme, shape.checksum_crc64nvme);
  visit(ChecksumAlgorithm::sha1, shape.checksum_sha1);
  visit(ChecksumAlgorithm::sha256, shape.checksum_sha256);
  visit(ChecksumAlgorithm::sha512, shape.checksum_sha512);
  visit(ChecksumAlgorithm::md5, shape.checksum_md5);
  visit(ChecksumAlgorithm::xxhash64, shape.checksum_xxhash64);
  visit(ChecksumAlgorithm::xxhash3, shape.checksum_xxhash3);
  visit(ChecksumAlgorithm::xxhash128, shape.checksum_xxhash128);
}

template <class Shape>
std::vector<GivenChecksum> given_checksums(const Shape& shape) {
  std::vector<GivenChecksum> given;
  for_each_checksum(shape,
                    [&](ChecksumAlgorithm algorithm, const std::optional<std::string>& value) {
                      if (value) given.push_back({algorithm, *value});
                    });
  return given;
}

template <class Shape>
void set_checksum(Shape& shape, const std::optional<ChecksumRecord>& checksum) {
  if (!checksum) return;
  std::optional<ChecksumAlgorithm> stored = checksum_by_name(checksum->algorithm);
  for_each_checksum(shape, [&](ChecksumAlgorithm algorithm, std::optional<std::string>& value) {
    if (algorithm == stored) value = checksum->value;
  });
  if constexpr (requires { shape.checksum_type; }) shape.checksum_type = checksum->type;
}

}  // namespace tidemill::services::s3
