// Prepares response bodies for a connection: pieces of streams, and files that cannot be sent
// directly.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/byte_stream.h"
#include "base/error.h"
#include "wire/http.h"

namespace tidemill::wire {

// Size of one read of a stream at most.
inline constexpr std::size_t response_piece_bytes = 128 * 1024;

// A part of a file as a stream, for connections that cannot sendfile.
std::unique_ptr<ByteSource> stream_file(FileRange range);

// Turns a short range of a file into an ordinary body: sending takes one system call instead of
// two. A file shorter than its range gives status 500.
void load_small_file(HttpResponse& response);

// One read() of the source, in chunked framing if asked for. Empty: the end.
Result<std::string> read_piece(ByteSource& source, bool chunked, std::uint64_t limit_bytes);

// The size of a chunk and its line end.
void append_chunk_head(std::size_t size, std::string& out);

}  // namespace tidemill::wire
