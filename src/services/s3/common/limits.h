// S3's limits, as its documentation has them ("Amazon S3 quotas", "Multipart upload limits").
#pragma once

#include <cstddef>
#include <cstdint>

namespace tidemill::services::s3::limits {

inline constexpr std::uint64_t upload_bytes_max = 5ull << 30;  // of one PUT or part
inline constexpr std::uint64_t part_bytes_min = 5ull << 20;    // but for the last
inline constexpr std::int64_t part_number_max = 10'000;
inline constexpr std::size_t key_bytes_max = 1024;
inline constexpr std::size_t metadata_bytes_max = 2048;
inline constexpr std::int64_t list_keys_max = 1000;
inline constexpr std::size_t delete_keys_max = 1000;
inline constexpr std::size_t object_tags_max = 10;
inline constexpr std::size_t bucket_tags_max = 50;
inline constexpr std::size_t tag_key_characters_max = 128;
inline constexpr std::size_t tag_value_characters_max = 256;
inline constexpr std::size_t buckets_of_account_max = 10'000;

// Ours.
inline constexpr std::size_t body_piece_bytes = 256 << 10;  // read from a stream at a time
inline constexpr std::size_t cached_objects_max = 16'384;   // index records kept in memory
inline constexpr std::size_t key_locks = 1024;
inline constexpr std::size_t scan_rows = 1000;

}  // namespace tidemill::services::s3::limits
