// Bodies of responses on their way to a connection: pieces of streams, files that cannot be sent as
// they are.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/byte_stream.h"
#include "base/error.h"
#include "wire/http.h"

namespace tidemill::wire {

// What one read of a stream takes at the most.
inline constexpr std::size_t response_piece_bytes = 128 * 1024;

// A part of a file as a stream, for connections that cannot sendfile.
std::unique_ptr<ByteSource> stream_file(FileRange range);

// Makes a short range of a file an ordinary body: one system call to send, not two. A file that is
// shorter than its range becomes a response of status 500.
void load_small_file(HttpResponse& response);

// One read() of the source, in chunked framing when asked. Empty: the end.
Result<std::string> read_piece(ByteSource& source, bool chunked, std::uint64_t limit_bytes);

// The size of a chunk and its line end.
void append_chunk_head(std::size_t size, std::string& out);

}  // namespace tidemill::wire
