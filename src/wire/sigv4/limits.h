// Limits of request authentication.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tidemill::wire::sigv4 {

inline constexpr std::chrono::minutes kClockSkewMax{15};
inline constexpr std::int64_t kPresignedExpiresSecondsMax = 604'800;  // a week
// "100000;chunk-signature=<64>" with a margin; S3's own clients send about 90 bytes.
inline constexpr std::size_t kChunkHeaderBytesMax = 1024;
inline constexpr std::size_t kTrailerBytesMax = 16 * 1024;
inline constexpr std::size_t kTrailersMax = 32;
inline constexpr std::uint64_t kChunkBytesMax = 5ull << 30;  // a whole part in one chunk
inline constexpr std::size_t kSignedHeadersMax = 256;

}  // namespace tidemill::wire::sigv4
