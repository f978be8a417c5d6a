#include "wire/http_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>

namespace tidemill::wire {
namespace {

// RFC 9112 does not limit it; chunk extensions are allowed and ignored.
constexpr std::size_t chunk_line_bytes_max = 1024;

constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (char c = '0'; c <= '9'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) table[static_cast<unsigned char>(c)] = true;
  for (char c : std::string_view("!#$%&'*+-.^_`|~")) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> token_table = make_token_table();

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return token_table[c]; });
}

// Whether `is_bad` holds for no byte. Every byte is looked at, whatever the ones before it are, so
// that the compiler checks many at a time: most of a request's head goes through here.
template <class IsBad>
bool has_none(std::string_view text, IsBad is_bad) {
  unsigned char found = 0;
  for (const char c : text) found |= is_bad(static_cast<unsigned char>(c));
  return found == 0;
}

// Field values: anything but control characters; tabs are allowed.
bool is_field_value(std::string_view text) {
  return has_none(text, [](unsigned char c) -> unsigned char {
    return ((c < 0x20) & (c != '\t')) | (c == 0x7f);
  });
}

std::unexpected<BadMessage> bad(std::string reason, int status = 400) {
  return std::unexpected(BadMessage{status, std::move(reason)});
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the next line off `rest`, without its CR LF, which the scanner has checked.
std::string_view take_head_line(std::string_view& rest) {
  std::size_t end = rest.find('\n');
  if (end == rest.npos || end == 0) {
    std::string_view line = rest;
    rest = {};
    return line;
  }
  std::string_view line = rest.substr(0, end - 1);
  rest.remove_prefix(end + 1);
  return line;
}

// The fields that determine framing and connection handling, collected while reading.
struct FramingFields {
  std::optional<std::uint64_t> content_length;
  int transfer_encodings = 0;
  bool chunked_only = false;
  int hosts = 0;
  bool close = false;
  bool keep_alive = false;
  bool expect_continue = false;
  bool expect_other = false;
};

bool list_has(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    if (equal_ignoring_case(trim(item), wanted)) return true;
  }
  return false;
}

Parsed<void> note_field(std::string_view name, std::string_view value, FramingFields& fields) {
  // The length distinguishes most fields without comparing.
  switch (name.size()) {
    case 4:
      if (equal_ignoring_case(name, "host")) ++fields.hosts;
      break;
    case 6:
      if (equal_ignoring_case(name, "expect")) {
        fields.expect_continue = equal_ignoring_case(value, "100-continue");
        fields.expect_other = !fields.expect_continue;
      }
      break;
    case 10:
      if (equal_ignoring_case(name, "connection")) {
        fields.close = fields.close || list_has(value, "close");
        fields.keep_alive = fields.keep_alive || list_has(value, "keep-alive");
      }
      break;
    case 14:
      if (equal_ignoring_case(name, "content-length")) {
        if (fields.content_length) return bad("The request has more than one Content-Length.");
        std::uint64_t length = 0;
        auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
        if (value.empty() || error != std::errc() || end != value.data() + value.size())
          return bad("Content-Length is not a whole number.");
        fields.content_length = length;
      }
      break;
    case 17:
      if (equal_ignoring_case(name, "transfer-encoding")) {
        ++fields.transfer_encodings;
        fields.chunked_only = equal_ignoring_case(value, "chunked");
      }
      break;
    default:
      break;
  }
  return {};
}

// Header fields of a request that an SDK signed; more fields only cost another allocation.
constexpr std::size_t kUsualFields = 12;

Parsed<void> parse_fields(std::string_view rest, const HttpLimits& limits, Headers& headers,
                          FramingFields& framing) {
  std::size_t count = 0;
  headers.reserve(kUsualFields);
  while (!rest.empty()) {
    std::string_view line = take_head_line(rest);
    if (line.empty()) return {};
    if (++count > limits.header_count_max)
      return bad("The message has more than " + std::to_string(limits.header_count_max) +
                     " header fields.",
                 431);
    if (line.front() == ' ' || line.front() == '\t') return bad("Header lines must not be folded.");
    std::size_t colon = line.find(':');
    if (colon == line.npos) return bad("A header line has no colon.");
    std::string_view name = line.substr(0, colon);
    std::string_view value = trim(line.substr(colon + 1));
    if (!is_token(name)) return bad("A header field's name is not valid.");
    if (!is_field_value(value))
      return bad("The value of the header field " + std::string(name) + " is not valid.");
    if (Parsed<void> noted = note_field(name, value, framing); !noted) return noted;
    headers.add(std::string(name), std::string(value));
  }
  return {};
}

Parsed<void> check_target(std::string_view method, std::string_view target) {
  auto invisible = [](unsigned char c) -> unsigned char { return (c <= 0x20) | (c == 0x7f); };
  if (target.empty() || !has_none(target, invisible))
    return bad("The request target is not valid.");
  if (method == "CONNECT") {  // RFC 9110 9.3.6: HOST:PORT and nothing else
    if (target.find('/') == target.npos && target.find(':') != target.npos) return {};
    return bad("The target of CONNECT must be HOST:PORT.");
  }
  if (target.front() == '/') return {};
  if (target == "*" && method == "OPTIONS") return {};
  // Absolute form, which proxies send.
  if (target.starts_with("http://") || target.starts_with("https://")) return {};
  return bad("The request target must start with a slash.");
}

// "HTTP/1.1": 505 for another version of HTTP, 400 for anything else.
Parsed<bool> parse_version_is_1_0(std::string_view version) {
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() != 8 || !version.starts_with("HTTP/") || version[6] != '.' ||
      !digit(version[5]) || !digit(version[7]))
    return bad("The request line does not end with an HTTP version.");
  if (version[5] != '1') return bad("Only HTTP/1.1 is spoken here.", 505);
  return version[7] == '0';
}

Parsed<BodyFraming> request_framing(const FramingFields& fields, bool http_1_0,
                                    const HttpLimits& limits) {
  if (fields.transfer_encodings > 0) {
    if (fields.content_length)
      return bad("Content-Length and Transfer-Encoding must not come together.");
    if (http_1_0) return bad("HTTP/1.0 has no Transfer-Encoding.");
    if (fields.transfer_encodings > 1 || !fields.chunked_only)
      return bad("The only Transfer-Encoding known here is chunked.", 501);
    return BodyFraming{BodyKind::chunked, 0};
  }
  if (!fields.content_length || *fields.content_length == 0) return BodyFraming{};
  if (*fields.content_length > limits.body_bytes_max)
    return bad("The body is larger than " + std::to_string(limits.body_bytes_max) + " bytes.", 413);
  return BodyFraming{BodyKind::length, *fields.content_length};
}

}  // namespace

Parsed<void> parse_request_head(std::string_view head, const HttpLimits& limits, RequestHead& out) {
  while (head.starts_with("\r\n")) head.remove_prefix(2);  // RFC 9112 2.2
  std::string_view line = take_head_line(head);
  std::size_t first_space = line.find(' ');
  std::size_t last_space = line.rfind(' ');
  if (first_space == line.npos || first_space == last_space)
    return bad("The request line is not METHOD TARGET VERSION.");
  std::string_view method = line.substr(0, first_space);
  std::string_view target = line.substr(first_space + 1, last_space - first_space - 1);
  if (!is_token(method)) return bad("The request method is not valid.");
  Parsed<bool> http_1_0 = parse_version_is_1_0(line.substr(last_space + 1));
  if (!http_1_0) return std::unexpected(http_1_0.error());
  if (target.size() > limits.target_bytes_max) return bad("The request target is too long.", 414);
  if (Parsed<void> checked = check_target(method, target); !checked) return checked;
  out.request.method = std::string(method);
  out.request.target = std::string(target);
  FramingFields fields;
  if (Parsed<void> read = parse_fields(head, limits, out.request.headers, fields); !read)
    return read;
  if (fields.hosts > 1 || (fields.hosts == 0 && !*http_1_0))
    return bad("The request must have one Host field.");
  if (fields.expect_other) return bad("The only expectation known here is 100-continue.", 417);
  Parsed<BodyFraming> framing = request_framing(fields, *http_1_0, limits);
  if (!framing) return std::unexpected(framing.error());
  out.framing = *framing;
  out.http_1_0 = *http_1_0;
  out.keep_alive = !fields.close && (!*http_1_0 || fields.keep_alive);
  out.expect_continue = fields.expect_continue && !*http_1_0;
  return {};
}

Parsed<void> parse_response_head(std::string_view head, const HttpLimits& limits,
                                 bool request_was_head, ResponseHead& out) {
  std::string_view line = take_head_line(head);
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || line[8] != ' ')
    return bad("The status line is not HTTP/1.1.");
  auto [end, error] = std::from_chars(line.data() + 9, line.data() + 12, out.status);
  if (error != std::errc() || end != line.data() + 12 || out.status < 100 ||
      (line.size() > 12 && line[12] != ' '))
    return bad("The status is not a number.");
  const bool http_1_0 = line[7] == '0';
  FramingFields fields;
  if (Parsed<void> read = parse_fields(head, limits, out.headers, fields); !read) return read;
  out.keep_alive = !fields.close && (!http_1_0 || fields.keep_alive);
  if (request_was_head || out.status < 200 || out.status == 204 || out.status == 304) return {};
  if (fields.transfer_encodings > 0) {
    if (fields.content_length || fields.transfer_encodings > 1 || !fields.chunked_only)
      return bad("The response's framing is not valid.");
    out.framing = {BodyKind::chunked, 0};
  } else if (fields.content_length) {
    if (*fields.content_length > 0) out.framing = {BodyKind::length, *fields.content_length};
  } else {
    out.framing = {BodyKind::until_close, 0};
    out.keep_alive = false;
  }
  return {};
}

Parsed<std::size_t> HeadScanner::scan(std::string_view input, const HttpLimits& limits) {
  // Fail at once when the bytes cannot become a request, such as a TLS greeting.
  if (first_line_ && !input.empty() && input.front() != '\r' &&
      !token_table[static_cast<unsigned char>(input.front())])
    return bad("This is not HTTP.");
  for (;;) {
    const void* found = scanned_ < input.size()
                            ? std::memchr(input.data() + scanned_, '\n', input.size() - scanned_)
                            : nullptr;
    if (!found) {
      scanned_ = input.size();
      if (first_line_ && input.size() > limits.target_bytes_max + 64)
        return bad("The request target is too long.", 414);
      if (input.size() > limits.head_bytes_max)
        return bad("The head is larger than " + std::to_string(limits.head_bytes_max) + " bytes.",
                   431);
      return 0;
    }
    std::size_t end = std::size_t(static_cast<const char*>(found) - input.data());
    if (end == line_start_ || input[end - 1] != '\r') return bad("A line does not end with CR LF.");
    const bool empty = end - line_start_ == 1;
    if (first_line_ && end - line_start_ > limits.target_bytes_max + 64)
      return bad("The request target is too long.", 414);
    scanned_ = line_start_ = end + 1;
    if (line_start_ > limits.head_bytes_max)
      return bad("The head is larger than " + std::to_string(limits.head_bytes_max) + " bytes.",
                 431);
    if (empty && !first_line_) return line_start_;
    // Empty lines before the request line are skipped: RFC 9112 2.2.
    if (!empty) first_line_ = false;
  }
}

BodyDecoder::BodyDecoder(BodyFraming framing, const HttpLimits& limits)
    : kind_(framing.kind),
      remaining_(framing.content_length),
      body_bytes_max_(limits.body_bytes_max),
      trailer_bytes_left_(limits.trailer_bytes_max) {
  switch (framing.kind) {
    case BodyKind::none:
      state_ = State::done;
      break;
    case BodyKind::length:
      state_ = framing.content_length == 0 ? State::done : State::data;
      break;
    case BodyKind::chunked:
      state_ = State::chunk_size;
      break;
    case BodyKind::until_close:
      state_ = State::data;
      remaining_ = std::numeric_limits<std::uint64_t>::max();
      break;
  }
}

bool BodyDecoder::finish_at_close() {
  if (kind_ == BodyKind::until_close) state_ = State::done;
  return done();
}

// Moves input up to an LF into line_; the line is complete when line_ ends with LF.
Parsed<std::size_t> BodyDecoder::take_line(std::string_view input, std::size_t limit,
                                           const char* what) {
  std::size_t end = input.find('\n');
  std::size_t count = end == input.npos ? input.size() : end + 1;
  if (line_.size() + count > limit) return bad(std::string("A ") + what + " line is too long.");
  line_.append(input.substr(0, count));
  return count;
}

Parsed<void> BodyDecoder::end_of_line() {
  if (!line_.ends_with("\r\n")) return bad("A line of the chunked body does not end with CR LF.");
  std::string_view line = std::string_view(line_).substr(0, line_.size() - 2);
  if (!is_field_value(line)) return bad("A line of the chunked body is not valid.");
  if (state_ == State::chunk_end) {
    if (!line.empty()) return bad("A chunk is longer than its size says.");
    state_ = State::chunk_size;
  } else if (state_ == State::trailer) {
    if (line.empty()) state_ = State::done;
  } else {
    std::size_t digits = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
    if (digits == 0 || digits > 15) return bad("A chunk's size is not valid.");
    std::string_view extension = trim(line.substr(digits));
    if (!extension.empty() && extension.front() != ';') return bad("A chunk's size is not valid.");
    std::from_chars(line.data(), line.data() + digits, remaining_, 16);
    if (decoded_bytes_ + remaining_ > body_bytes_max_)
      return bad("The body is larger than " + std::to_string(body_bytes_max_) + " bytes.", 413);
    state_ = remaining_ == 0 ? State::trailer : State::chunk_data;
  }
  line_.clear();
  return {};
}

Parsed<std::size_t> BodyDecoder::feed(std::string_view input, std::size_t room, std::string& out) {
  std::size_t taken = 0;
  while (taken < input.size() && state_ != State::done) {
    std::string_view rest = input.substr(taken);
    if (state_ == State::data || state_ == State::chunk_data) {
      std::size_t count = std::min({rest.size(), room, std::size_t(remaining_)});
      if (count == 0) break;  // no room
      if (kind_ == BodyKind::until_close && decoded_bytes_ + count > body_bytes_max_)
        return bad("The body is larger than " + std::to_string(body_bytes_max_) + " bytes.", 413);
      out.append(rest.substr(0, count));
      taken += count;
      room -= count;
      remaining_ -= count;
      decoded_bytes_ += count;
      if (remaining_ == 0) state_ = state_ == State::data ? State::done : State::chunk_end;
      continue;
    }
    const bool trailer = state_ == State::trailer;
    const std::size_t limit = trailer ? trailer_bytes_left_ : chunk_line_bytes_max;
    Parsed<std::size_t> count = take_line(rest, limit, trailer ? "trailer" : "chunk size");
    if (!count) return count;
    taken += *count;
    if (line_.back() != '\n') break;
    if (trailer) trailer_bytes_left_ -= line_.size();
    if (Parsed<void> ended = end_of_line(); !ended) return std::unexpected(ended.error());
  }
  return taken;
}

}  // namespace tidemill::wire
