#include "wire/sigv4/aws_chunked.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/cipher.h"
#include "base/encoding.h"
#include "wire/sigv4/errors.h"
#include "wire/sigv4/limits.h"

namespace tidemill::wire::sigv4 {
namespace {

constexpr std::size_t kInputBytes = 64 * 1024;
constexpr std::size_t kEndBytesMax = 4;  // line ends after the end
constexpr std::string_view kTrailerSignature = "x-amz-trailer-signature";

std::unexpected<Error> bad_chunk(std::string what) {
  return fail("InvalidRequest", "The aws-chunked body is malformed: " + std::move(what), 400);
}
std::unexpected<Error> bad_trailer(std::string what) {
  return fail("MalformedTrailerError",
              "The request contained trailing data that was not well-formed or did not conform to "
              "our published schema: " +
                  std::move(what),
              400);
}
std::unexpected<Error> incomplete() {
  return fail("IncompleteBody", "The request body terminated unexpectedly", 400);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

AwsChunkedDecoder::AwsChunkedDecoder(const Identity& identity, AwsChunkedOptions options)
    : kind_(identity.payload),
      verify_(identity.verify_chunks && identity.payload != PayloadKind::chunked_unsigned_trailer),
      signing_key_(identity.signing_key),
      previous_signature_(identity.seed_signature),
      date_time_(identity.date_time),
      scope_(identity.scope),
      access_key_id_(identity.access_key_id),
      options_(std::move(options)) {
  for (const std::string& name : options_.declared_trailers) {
    std::optional<ChecksumAlgorithm> algorithm = checksum_by_header(name);
    if (!algorithm || checksum_) continue;
    checksum_algorithm_ = *algorithm;
    checksum_ = Checksum::make(*algorithm);
  }
}

Result<void> AwsChunkedDecoder::push(std::string_view input, std::string& out) {
  while (!input.empty()) {
    if (state_ == State::done) {
      if (input.find_first_not_of("\r\n") != input.npos || input.size() > kEndBytesMax)
        return bad_chunk("bytes follow its end.");
      return {};
    }
    if (state_ == State::data) {
      const std::size_t count = std::size_t(std::min<std::uint64_t>(chunk_left_, input.size()));
      TRY(take_data(input.substr(0, count), out));
      input.remove_prefix(count);
      continue;
    }
    // The other states read lines. Usually the input contains the whole line.
    const std::size_t newline = input.find('\n');
    const std::size_t count = newline == input.npos ? input.size() : newline + 1;
    const std::size_t limit = state_ == State::trailers ? kTrailerBytesMax : kChunkHeaderBytesMax;
    if (line_.size() + count > limit)
      return bad_chunk("a line is longer than " + std::to_string(limit) + " bytes.");
    std::string_view line = input.substr(0, count);
    input.remove_prefix(count);
    std::string joined;
    if (!line_.empty() || newline == line.npos) line_ += line;
    if (newline == input.npos) break;
    if (!line_.empty()) {
      joined = std::move(line_);
      line_.clear();
      line = joined;
    }
    line.remove_suffix(1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (state_ == State::header) {
      TRY(take_header_line(line));
    } else if (state_ == State::data_end) {
      if (!line.empty()) return bad_chunk("a chunk is longer than its size says.");
      state_ = State::header;
    } else {
      TRY(take_trailer_line(line));
    }
  }
  return {};
}

Result<void> AwsChunkedDecoder::take_header_line(std::string_view line) {
  const std::size_t semicolon = std::min(line.find(';'), line.size());
  const std::string_view size_text = trim(line.substr(0, semicolon));
  const char* end = size_text.data() + size_text.size();
  auto [stop, code] = std::from_chars(size_text.data(), end, chunk_left_, 16);
  if (code != std::errc() || stop != end || size_text.empty())
    return bad_chunk("a chunk's size is not a hexadecimal number.");
  if (chunk_left_ > kChunkBytesMax) return bad_chunk("a chunk is larger than 5 GiB.");
  if (decoded_ + chunk_left_ > options_.decoded_size_bytes)
    return fail("IncompleteBody",
                "The chunks hold more bytes than the x-amz-decoded-content-length header says",
                400);
  chunk_signature_.clear();
  constexpr std::string_view kName = "chunk-signature=";
  std::string_view extension =
      semicolon < line.size() ? trim(line.substr(semicolon + 1)) : std::string_view();
  if (extension.starts_with(kName)) chunk_signature_ = extension.substr(kName.size());
  if (verify_ && chunk_signature_.empty()) return bad_chunk("a chunk has no chunk-signature.");
  last_chunk_ = chunk_left_ == 0;
  chunk_hash_ = Sha256();
  state_ = State::data;
  return last_chunk_ ? end_chunk() : Result<void>();
}

Result<void> AwsChunkedDecoder::take_data(std::string_view bytes, std::string& out) {
  out += bytes;
  if (verify_) chunk_hash_.update(bytes);
  if (checksum_) checksum_->update(bytes);
  decoded_ += bytes.size();
  chunk_left_ -= bytes.size();
  return chunk_left_ == 0 ? end_chunk() : Result<void>();
}

Result<void> AwsChunkedDecoder::end_chunk() {
  if (verify_)
    TRY(check_signature("AWS4-HMAC-SHA256-PAYLOAD", chunk_signature_, hex(chunk_hash_.digest())));
  state_ = last_chunk_ ? State::trailers : State::data_end;
  return {};
}

Result<void> AwsChunkedDecoder::take_trailer_line(std::string_view line) {
  trailer_bytes_ += line.size() + 1;
  if (line.empty()) {
    // AWS's own example ends a trailer with "\n\r\n" before the line of its signature.
    const bool signature_comes =
        kind_ == PayloadKind::chunked_signed_trailer && trailer_signature_.empty();
    if (!signature_comes) state_ = State::done;
    if (trailer_bytes_ > kTrailerBytesMax) return bad_trailer("there are too many trailers.");
    return {};
  }
  const std::size_t colon = line.find(':');
  if (trailer_bytes_ > kTrailerBytesMax || trailers_.fields().size() >= kTrailersMax)
    return bad_trailer("there are too many trailers.");
  if (colon == line.npos || colon == 0) return bad_trailer("a line is not of the form name:value.");
  std::string name = lower_case(trim(line.substr(0, colon)));
  std::string value(trim(line.substr(colon + 1)));
  if (name == kTrailerSignature) {
    trailer_signature_ = std::move(value);
    return {};
  }
  if (std::ranges::find(options_.declared_trailers, name) == options_.declared_trailers.end())
    return bad_trailer("'" + name + "' is not declared in the x-amz-trailer header.");
  trailer_text_.append(name).append(":").append(value).append("\n");
  trailers_.add(std::move(name), std::move(value));
  return {};
}

Result<void> AwsChunkedDecoder::finish() {
  // Some clients leave out the empty line at the very end.
  if (state_ == State::trailers && !line_.empty()) {
    std::string line = std::move(line_);
    line_.clear();
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) TRY(take_trailer_line(line));
  }
  if (state_ != State::done && state_ != State::trailers) return incomplete();
  state_ = State::done;
  if (decoded_ != options_.decoded_size_bytes) return incomplete();
  return end_trailers();
}

Result<void> AwsChunkedDecoder::end_trailers() {
  if (verify_ && kind_ == PayloadKind::chunked_signed_trailer) {
    if (trailer_signature_.empty()) return bad_trailer("it has no x-amz-trailer-signature.");
    TRY(check_signature("AWS4-HMAC-SHA256-TRAILER", trailer_signature_,
                        hex(sha256(trailer_text_))));
  }
  for (const std::string& name : options_.declared_trailers)
    if (!trailers_.find(name)) return bad_trailer("'" + name + "' is declared and did not come.");
  if (!checksum_) return {};
  const std::string_view claimed = trailers_.get(checksum_header(checksum_algorithm_));
  if (claimed != encode_base64(checksum_->digest()))
    return fail("BadDigest",
                "The " + std::string(checksum_name(checksum_algorithm_)) +
                    " you specified did not match the calculated checksum.",
                400);
  return {};
}

Result<void> AwsChunkedDecoder::check_signature(std::string_view kind, std::string_view given,
                                                std::string_view content_hash) {
  std::string to_sign(kind);
  to_sign.append("\n").append(date_time_).append("\n").append(scope_).append("\n");
  to_sign.append(previous_signature_).append("\n");
  if (kind == "AWS4-HMAC-SHA256-PAYLOAD") to_sign.append(kEmptySha256).append("\n");
  to_sign.append(content_hash);
  std::string expected = hex(hmac_sha256(view(signing_key_), to_sign));
  if (!equal_in_constant_time(expected, given))
    return fail(signature_mismatch(Dialect::s3, {access_key_id_, given, to_sign, ""}));
  previous_signature_ = std::move(expected);
  return {};
}

AwsChunkedSource::AwsChunkedSource(std::unique_ptr<ByteSource> framed, const Identity& identity,
                                   AwsChunkedOptions options)
    : framed_(std::move(framed)),
      size_bytes_(options.decoded_size_bytes),
      decoder_(identity, std::move(options)),
      input_(kInputBytes) {}

Result<std::size_t> AwsChunkedSource::read(std::span<char> buffer) {
  while (position_ == decoded_.size() && !error_ && !ended_) {
    decoded_.clear();
    position_ = 0;
    Result<std::size_t> count = framed_->read(input_);
    Result<void> result;
    if (!count) {
      result = fail(std::move(count.error()));
    } else if (*count == 0) {
      ended_ = true;
      result = decoder_.finish();
    } else {
      result = decoder_.push({input_.data(), *count}, decoded_);
    }
    if (!result) {
      error_ = std::move(result.error());
      decoded_.clear();  // drop the rest of a chunk with a bad signature
    }
  }
  if (error_) return fail(*error_);
  const std::size_t count = std::min(buffer.size(), decoded_.size() - position_);
  std::memcpy(buffer.data(), decoded_.data() + position_, count);
  position_ += count;
  return count;
}

Result<DecodedBody> decode_aws_chunked(std::string_view framed, const Identity& identity,
                                       AwsChunkedOptions options) {
  DecodedBody body;
  body.bytes.reserve(
      std::size_t(std::min<std::uint64_t>(options.decoded_size_bytes, framed.size())));
  AwsChunkedDecoder decoder(identity, std::move(options));
  TRY(decoder.push(framed, body.bytes));
  TRY(decoder.finish());
  body.trailers = decoder.trailers();
  return body;
}

}  // namespace tidemill::wire::sigv4
