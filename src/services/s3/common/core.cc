#include "services/s3/common/core.h"

#include "base/checksum.h"
#include "base/encoding.h"

namespace tidemill::services::s3 {

std::string canonical_id(std::string_view account) {
  return encode_hex(
      checksum_of(ChecksumAlgorithm::sha256, "canonical user " + std::string(account)));
}

}  // namespace tidemill::services::s3
