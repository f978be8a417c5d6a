// Helpers of the protocol fuzzers: decoding never crashes, and decoded values encode again.
#pragma once

#include <cstdint>
#include <cstdlib>

#include "wire/protocols/protocol.h"
#include "wire/test_s3_schema.h"
#include "wire/test_schemas.h"

namespace tidemill::wire::test {

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Decodes a body for one operation. Returns the Value, or null.
inline Value decode_and_encode(Protocol protocol, const Service& service,
                               const Operation& operation, std::string_view body) {
  HttpRequest request;
  request.method = "POST";
  request.target = request.raw_path = request.path = "/";
  request.body = std::string(body);
  const Codec& codec = codec_for(protocol);
  Result<Value> value = codec.decode_request(service, operation, request, {});
  if (!value) {
    // Every refusal must have a code of the protocol and encode as an error.
    if (value.error().code.starts_with("Tidemill.")) std::abort();
    (void)codec.encode_error(service, &operation, value.error(), "id", request);
    return Value();
  }
  (void)codec.encode_response(service, operation, *value, "id");
  return std::move(*value);
}

}  // namespace tidemill::wire::test
