// The aws-chunked framing: size[;chunk-signature=...]\r\n bytes\r\n ... 0[...]\r\n [trailers] \r\n
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and
// ...-streaming-trailers.html
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_stream.h"
#include "base/checksum.h"
#include "wire/http.h"
#include "wire/sigv4/identity.h"

namespace tidemill::wire::sigv4 {

struct AwsChunkedOptions {
  std::uint64_t decoded_size_bytes = 0;  // x-amz-decoded-content-length
  // Names that the x-amz-trailer header declares, lower case.
  std::vector<std::string> declared_trailers = {};
};

// Push parser of the framing, used for streams and bodies in memory. Not thread-safe.
class AwsChunkedDecoder {
 public:
  AwsChunkedDecoder(const Identity& identity, AwsChunkedOptions options);

  // Uses all of `input`; appends object bytes to `out`.
  Result<void> push(std::string_view input, std::string& out);
  // Call at the end: fails unless all bytes came and signatures and checksum match.
  Result<void> finish();
  const Headers& trailers() const { return trailers_; }

 private:
  enum class State { header, data, data_end, trailers, done };
  Result<void> take_header_line(std::string_view line);
  Result<void> take_trailer_line(std::string_view line);
  Result<void> take_data(std::string_view bytes, std::string& out);
  Result<void> end_chunk();
  Result<void> end_trailers();
  Result<void> check_signature(std::string_view kind, std::string_view given,
                               std::string_view content_hash);

  // A copy, because a decoder outlives the request's identity.
  PayloadKind kind_;
  bool verify_;
  Digest signing_key_;
  std::string previous_signature_;
  std::string date_time_;
  std::string scope_;
  std::string access_key_id_;

  AwsChunkedOptions options_;
  State state_ = State::header;
  std::string line_;  // the received part of an unfinished line
  std::uint64_t chunk_left_ = 0;
  bool last_chunk_ = false;
  std::string chunk_signature_;
  Sha256 chunk_hash_;
  std::uint64_t decoded_ = 0;
  std::string trailer_text_;  // canonical, for the trailer's signature
  std::size_t trailer_bytes_ = 0;
  std::string trailer_signature_;
  Headers trailers_;
  std::unique_ptr<Checksum> checksum_;  // for the declared x-amz-checksum-* trailer
  ChecksumAlgorithm checksum_algorithm_{};
};

// Decodes while being read.
class AwsChunkedSource final : public ByteSource {
 public:
  AwsChunkedSource(std::unique_ptr<ByteSource> framed, const Identity& identity,
                   AwsChunkedOptions options);
  Result<std::size_t> read(std::span<char> buffer) override;
  std::optional<std::uint64_t> size() const override { return size_bytes_; }
  // Complete after read() has returned 0.
  const Headers& trailers() const { return decoder_.trailers(); }

 private:
  std::unique_ptr<ByteSource> framed_;
  std::uint64_t size_bytes_;
  AwsChunkedDecoder decoder_;
  std::vector<char> input_;
  std::string decoded_;
  std::size_t position_ = 0;
  bool ended_ = false;
  std::optional<Error> error_;
};

struct DecodedBody {
  std::string bytes;
  Headers trailers;
};
Result<DecodedBody> decode_aws_chunked(std::string_view framed, const Identity& identity,
                                       AwsChunkedOptions options);

}  // namespace tidemill::wire::sigv4
