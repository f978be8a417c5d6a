// HTTP/1.1 framing without sockets: parses heads and bodies from bytes in memory. The server, the
// client and the fuzzers share it. Strict where leniency would let two parsers disagree about where
// a message ends (request smuggling): no bare LF, no folded lines, no space before a colon, one
// Content-Length, never Content-Length together with Transfer-Encoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "wire/http.h"

namespace tidemill::wire {

struct HttpLimits {
  std::size_t head_bytes_max = 64 * 1024;
  std::size_t header_count_max = 256;
  std::size_t target_bytes_max = 32 * 1024;
  // S3's largest PUT is 5 GiB; the rest is room for aws-chunked framing and signatures.
  std::uint64_t body_bytes_max = (5ull << 30) + (64ull << 20);
  std::size_t trailer_bytes_max = 8 * 1024;
};

// The reason why a message is refused: the fitting status (400, 408, 413, 414, 431, 501, 505) and a
// sentence for the client.
struct BadMessage {
  int status = 400;
  std::string reason;
};

template <class T>
using Parsed = std::expected<T, BadMessage>;

enum class BodyKind : std::uint8_t {
  none,
  length,  // content_length bytes
  chunked,
  until_close,  // responses only
};

struct BodyFraming {
  BodyKind kind = BodyKind::none;
  std::uint64_t content_length = 0;
};

struct RequestHead {
  HttpRequest request;
  BodyFraming framing;
  bool keep_alive = true;
  bool http_1_0 = false;
  bool expect_continue = false;
};

// Parses a request's head, except for the target's escapes, which parse_target() decodes.
Parsed<void> parse_request_head(std::string_view head, const HttpLimits& limits, RequestHead& out);

struct ResponseHead {
  int status = 0;
  Headers headers;
  BodyFraming framing;
  bool keep_alive = true;
};

// `request_was_head`: the response does not have a body, whatever its fields say.
Parsed<void> parse_response_head(std::string_view head, const HttpLimits& limits,
                                 bool request_was_head, ResponseHead& out);

// Finds the end of a head while its bytes arrive, looking at each byte once.
class HeadScanner {
 public:
  // The length of the head with its empty line; 0 when more bytes are needed. `input` is everything
  // from the head's start, at least as long as in the previous call.
  Parsed<std::size_t> scan(std::string_view input, const HttpLimits& limits);
  void reset() { *this = HeadScanner(); }

 private:
  std::size_t scanned_ = 0;
  std::size_t line_start_ = 0;
  bool first_line_ = true;
};

// Removes a body's framing.
class BodyDecoder {
 public:
  BodyDecoder() : BodyDecoder(BodyFraming{}, HttpLimits{}) {}
  BodyDecoder(BodyFraming framing, const HttpLimits& limits);

  // Appends at most `room` body bytes to `out`; returns how many bytes of `input` it used. Call it
  // again with the rest when there is room or more input. 413 beyond body_bytes_max.
  Parsed<std::size_t> feed(std::string_view input, std::size_t room, std::string& out);
  bool done() const { return state_ == State::done; }
  // Body bytes so far.
  std::uint64_t decoded_bytes() const { return decoded_bytes_; }
  // Bytes still to come, if the framing tells.
  std::uint64_t remaining_bytes() const { return remaining_; }
  // The peer has closed: true if that is the body's proper end.
  bool finish_at_close();

 private:
  enum class State : std::uint8_t { data, chunk_size, chunk_data, chunk_end, trailer, done };
  Parsed<std::size_t> take_line(std::string_view input, std::size_t limit, const char* what);
  Parsed<void> end_of_line();

  BodyKind kind_;
  State state_;
  std::uint64_t remaining_ = 0;  // of the body or of the chunk
  std::uint64_t decoded_bytes_ = 0;
  std::uint64_t body_bytes_max_;
  std::size_t trailer_bytes_left_;
  std::string line_;  // an incomplete line of the framing
};

}  // namespace tidemill::wire
