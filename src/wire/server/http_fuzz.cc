// HTTP framing over memory. Parses each input twice, whole and in pieces of sizes that the input
// chooses: both must agree on every message, or a proxy and we could disagree about where one ends.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "wire/http_parser.h"

namespace tidemill::wire {
namespace {

HttpLimits fuzz_limits() {
  HttpLimits limits;
  limits.head_bytes_max = 2048;
  limits.target_bytes_max = 512;
  limits.header_count_max = 16;
  limits.body_bytes_max = 4096;
  limits.trailer_bytes_max = 128;
  return limits;
}

void require(bool condition) {
  if (!condition) std::abort();
}

// The pieces that a connection would see.
class Pieces {
 public:
  Pieces(std::string_view input, std::string_view sizes) : input_(input), sizes_(sizes) {}
  // Makes more of the input visible; false at its end.
  bool more() {
    if (visible_ == input_.size()) return false;
    const std::size_t step =
        sizes_.empty()
            ? input_.size()
            : std::size_t(static_cast<unsigned char>(sizes_[next_++ % sizes_.size()])) + 1;
    visible_ = std::min(input_.size(), visible_ + step);
    return true;
  }
  std::string_view view() const { return input_.substr(begin_, visible_ - begin_); }
  void consume(std::size_t count) { begin_ += count; }

 private:
  std::string_view input_;
  std::string_view sizes_;
  std::size_t begin_ = 0;
  std::size_t visible_ = 0;
  std::size_t next_ = 0;
};

// The messages of an input as text to compare; ends at the first broken one.
std::string describe(Pieces pieces, std::size_t room) {
  const HttpLimits limits = fuzz_limits();
  std::string text;
  for (int message = 0; message < 64; ++message) {
    HeadScanner scanner;
    Parsed<std::size_t> length = scanner.scan(pieces.view(), limits);
    while (length && *length == 0 && pieces.more()) length = scanner.scan(pieces.view(), limits);
    if (!length) return text + "bad head";
    if (*length == 0) return text + "more";
    require(*length <= pieces.view().size() && *length <= limits.head_bytes_max);
    RequestHead head;
    if (!parse_request_head(pieces.view().substr(0, *length), limits, head))
      return text + "bad request";
    pieces.consume(*length);
    require(head.request.target.size() <= limits.target_bytes_max);
    require(head.request.headers.fields().size() <= limits.header_count_max);
    (void)parse_target(head.request);
    text += head.request.method + " " + head.request.target + "\n";
    for (const auto& [name, value] : head.request.headers.fields()) {
      require(name.find_first_of("\r\n :") == name.npos);
      require(value.find_first_of(std::string_view("\r\n\0", 3)) == value.npos);
      text += name + ":" + value + "\n";
    }
    BodyDecoder decoder(head.framing, limits);
    std::string body;
    while (!decoder.done()) {
      const Parsed<std::size_t> taken = decoder.feed(pieces.view(), room, body);
      if (!taken) return text + "bad body";
      require(*taken <= pieces.view().size() && body.size() <= limits.body_bytes_max);
      pieces.consume(*taken);
      if (!decoder.done() && pieces.view().empty() && !pieces.more()) return text + "more body";
    }
    text += body + "|" + std::to_string(decoder.decoded_bytes()) + "\n";
  }
  return text;
}

void fuzz_response(std::string_view input) {
  HeadScanner scanner;
  const HttpLimits limits = fuzz_limits();
  const Parsed<std::size_t> length = scanner.scan(input, limits);
  if (!length || *length == 0) return;
  ResponseHead head;
  if (!parse_response_head(input.substr(0, *length), limits, false, head)) return;
  BodyDecoder decoder(head.framing, limits);
  std::string body;
  (void)decoder.feed(input.substr(*length), std::string::npos, body);
  (void)decoder.finish_at_close();
  require(body.size() <= std::max<std::size_t>(limits.body_bytes_max, head.framing.content_length));
}

}  // namespace
}  // namespace tidemill::wire

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tidemill::wire;
  std::string_view input(reinterpret_cast<const char*>(data), size);
  // The first bytes choose the sizes of the pieces.
  const std::size_t choices = std::min<std::size_t>(4, input.size());
  const std::string_view sizes = input.substr(0, choices);
  input.remove_prefix(choices);
  const std::size_t room =
      sizes.empty() ? 1 : std::size_t(static_cast<unsigned char>(sizes[0])) + 1;
  const std::string whole = describe(Pieces(input, {}), std::string::npos);
  const std::string in_pieces = describe(Pieces(input, sizes), room);
  require(whole == in_pieces);
  fuzz_response(input);
  return 0;
}
