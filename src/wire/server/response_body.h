// Prepares response bodies for a connection: pieces of streams.
#pragma once

#include <cstdint>
#include <string>

#include "base/byte_stream.h"
#include "base/error.h"

namespace tidemill::wire {

// Size of one read of a stream at most.
inline constexpr std::size_t response_piece_bytes = 128 * 1024;

// One read() of the source, in chunked framing if asked for. Empty: the end.
Result<std::string> read_piece(ByteSource& source, bool chunked, std::uint64_t limit_bytes);

// The size of a chunk and its line end.
void append_chunk_head(std::size_t size, std::string& out);

}  // namespace tidemill::wire
