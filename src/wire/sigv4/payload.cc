#include "wire/sigv4/payload.h"

#include <algorithm>
#include <charconv>

#include "wire/sigv4/aws_chunked.h"
#include "wire/sigv4/errors.h"

namespace tidemill::wire::sigv4 {
namespace {

constexpr std::string_view kContentSha256 = "x-amz-content-sha256";
constexpr std::string_view kDecodedLength = "x-amz-decoded-content-length";

// 64 hexadecimal digits. Looks at all of them, so that the compiler checks many at a time.
bool is_sha256(std::string_view text) {
  unsigned char others = 0;
  for (const char c : text) {
    const unsigned char digit = (c >= '0') & (c <= '9');
    const auto lower = static_cast<char>(c | 0x20);
    const unsigned char letter = (lower >= 'a') & (lower <= 'f');
    others |= static_cast<unsigned char>(!(digit | letter));
  }
  return text.size() == kEmptySha256.size() && others == 0;
}

// Fails at its end when the hash of the bytes is not the signed one.
class Sha256Source final : public ByteSource {
 public:
  Sha256Source(std::unique_ptr<ByteSource> inner, std::string expected, Dialect dialect)
      : inner_(std::move(inner)), expected_(std::move(expected)), dialect_(dialect) {}

  Result<std::size_t> read(std::span<char> buffer) override {
    if (mismatch_) return fail(*mismatch_);
    std::size_t count = TRY(inner_->read(buffer));
    if (count > 0 || buffer.empty()) {
      hash_.update({buffer.data(), count});
      return count;
    }
    TRY(check());
    return std::size_t(0);
  }
  std::optional<std::uint64_t> size() const override { return inner_->size(); }

 private:
  Result<void> check() {
    const std::string computed = hex(hash_.digest());
    if (computed == expected_) return {};
    mismatch_ = payload_mismatch(dialect_, expected_, computed);
    return fail(*mismatch_);
  }

  std::unique_ptr<ByteSource> inner_;
  std::string expected_;
  Dialect dialect_;
  Sha256 hash_;
  std::optional<Error> mismatch_;
};

// "aws-chunked" concerns only the transport; other values of Content-Encoding stay with the
// object.
void remove_aws_chunked(Headers& headers) {
  const std::string* encoding = headers.find("content-encoding");
  if (!encoding) return;
  std::string kept;
  std::string_view rest = *encoding;
  while (!rest.empty()) {
    std::string_view part = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (part.empty() || equal_ignoring_case(part, "aws-chunked")) continue;
    if (!kept.empty()) kept += ',';
    kept += part;
  }
  headers.erase("content-encoding");
  if (!kept.empty()) headers.add("content-encoding", std::move(kept));
}

bool has_aws_chunked(const Headers& headers) {
  return lower_case(headers.get("content-encoding")).find("aws-chunked") != std::string::npos;
}

Result<AwsChunkedOptions> read_options(const HttpRequest& request) {
  AwsChunkedOptions options;
  const std::string_view text = request.headers.get(kDecodedLength);
  if (text.empty())
    return fail("MissingContentLength",
                "You must provide the x-amz-decoded-content-length HTTP header.", 411);
  const char* end = text.data() + text.size();
  auto [stop, code] = std::from_chars(text.data(), end, options.decoded_size_bytes);
  if (code != std::errc() || stop != end)
    return fail("InvalidArgument", "x-amz-decoded-content-length must be a number of bytes.", 400);
  for (const auto& [name, value] : request.headers.fields()) {
    if (!equal_ignoring_case(name, "x-amz-trailer")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      std::string_view part = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
      while (part.starts_with(' ')) part.remove_prefix(1);
      while (part.ends_with(' ')) part.remove_suffix(1);
      if (!part.empty()) options.declared_trailers.push_back(lower_case(part));
    }
  }
  return options;
}

}  // namespace

std::string_view claimed_payload(const HttpRequest& request) {
  if (const std::string* header = request.headers.find(kContentSha256)) return *header;
  if (request.raw_query.empty()) return {};
  const QueryParameter* parameter = request.find_query("X-Amz-Content-Sha256");
  return parameter ? std::string_view(parameter->value) : std::string_view();
}

Result<void> classify_payload(const HttpRequest& request, Dialect dialect, Identity& identity) {
  const std::string_view claimed = claimed_payload(request);
  identity.payload = PayloadKind::none;
  if (claimed == "STREAMING-UNSIGNED-PAYLOAD-TRAILER") {
    identity.payload = PayloadKind::chunked_unsigned_trailer;
  } else if (claimed == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD") {
    identity.payload = PayloadKind::chunked_signed;
  } else if (claimed == "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") {
    identity.payload = PayloadKind::chunked_signed_trailer;
  } else if (claimed.empty() || claimed == "UNSIGNED-PAYLOAD") {
    // Some clients frame the body without claiming it, when nothing is signed.
    if (!identity.verify_chunks && has_aws_chunked(request.headers) &&
        request.headers.find(kDecodedLength))
      identity.payload = PayloadKind::chunked_unsigned_trailer;
  } else {
    if (!is_sha256(claimed)) return fail(bad_content_sha256(dialect));
    identity.payload = PayloadKind::sha256;
    identity.expected_sha256 = lower_case(claimed);
  }
  return {};
}

Result<void> prepare_body(HttpRequest& request, const Identity& identity, Dialect dialect) {
  if (identity.payload == PayloadKind::none) return {};
  if (identity.payload == PayloadKind::sha256) {
    if (request.stream) {
      request.stream = std::make_unique<Sha256Source>(std::move(request.stream),
                                                      identity.expected_sha256, dialect);
      return {};
    }
    if (request.body.empty() && identity.expected_sha256 == kEmptySha256) return {};
    const HexDigest computed(sha256(request.body));
    if (computed.view() != identity.expected_sha256)
      return fail(
          payload_mismatch(dialect, identity.expected_sha256, std::string(computed.view())));
    return {};
  }
  AwsChunkedOptions options = TRY(read_options(request));
  const std::uint64_t decoded_size_bytes = options.decoded_size_bytes;
  if (request.stream) {
    request.stream =
        std::make_unique<AwsChunkedSource>(std::move(request.stream), identity, std::move(options));
  } else {
    DecodedBody decoded = TRY(decode_aws_chunked(request.body, identity, std::move(options)));
    request.body = std::move(decoded.bytes);
    for (const auto& [name, value] : decoded.trailers.fields()) request.headers.set(name, value);
  }
  remove_aws_chunked(request.headers);
  request.headers.set("content-length", std::to_string(decoded_size_bytes));
  return {};
}

}  // namespace tidemill::wire::sigv4
