// aws-chunked bodies: any input, whole and in pieces, gives the same bytes or the same error. The
// first byte selects the kind, the second the size of the pieces, the third the decoded size.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "wire/sigv4/aws_chunked.h"

using namespace tidemill;
using namespace tidemill::wire::sigv4;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  Identity identity;
  identity.payload = data[0] % 3 == 0   ? PayloadKind::chunked_unsigned_trailer
                     : data[0] % 3 == 1 ? PayloadKind::chunked_signed
                                        : PayloadKind::chunked_signed_trailer;
  identity.verify_chunks = data[0] & 64;
  const std::size_t step = data[1] % 32 + 1;
  const AwsChunkedOptions options{data[2], {"x-amz-checksum-crc32"}};
  const std::string_view framed(reinterpret_cast<const char*>(data) + 3, size - 3);

  auto whole = decode_aws_chunked(framed, identity, options);
  AwsChunkedDecoder decoder(identity, options);
  std::string pieces;
  Result<void> result;
  for (std::size_t at = 0; at < framed.size() && result; at += step)
    result = decoder.push(framed.substr(at, step), pieces);
  if (result) result = decoder.finish();
  if (whole.has_value() != result.has_value()) std::abort();
  if (whole && whole->bytes != pieces) std::abort();
  if (whole && whole->bytes.size() != options.decoded_size_bytes) std::abort();
  return 0;
}
