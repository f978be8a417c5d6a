// Byte ranges of the Range header.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace tidemill::services::s3 {

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// nullopt when the header has no single range that can be understood, and the whole object is to be
// sent, as RFC 9110 asks. InvalidRange (416) when the range lies past the end.
Result<std::optional<ByteRange>> parse_range(std::string_view header, std::uint64_t size);
// x-amz-copy-source-range: "bytes=first-last", both given and inside; InvalidArgument,
// InvalidRange.
Result<ByteRange> parse_copy_range(std::string_view header, std::uint64_t size);
// "bytes 0-99/1000"
std::string content_range(const ByteRange& range, std::uint64_t size);

}  // namespace tidemill::services::s3
