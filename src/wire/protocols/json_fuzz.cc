#include "wire/protocols/fuzz_support.h"

using namespace tidemill;        // NOLINT
using namespace tidemill::wire;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view body = test::as_text(data, size);
  using schema::Protocol;
  Value value = test::decode_and_encode(Protocol::aws_json_1_1, test::kJsonService,
                                        test::kJsonOperations[0], body);
  test::decode_and_encode(Protocol::rest_json_1, test::kRestJsonService, test::kRestOperations[2],
                          body);
  if (value.is_null()) return 0;
  // Reading and writing twice gives the same text, except that times lose their microseconds at
  // first: so compare the second and third texts.
  const Codec& codec = codec_for(Protocol::aws_json_1_1);
  HttpRequest request;
  request.body =
      codec.encode_response(test::kJsonService, test::kJsonOperations[0], value, "").body;
  Result<Value> again =
      codec.decode_request(test::kJsonService, test::kJsonOperations[0], request, {});
  if (!again) std::abort();
  if (codec.encode_response(test::kJsonService, test::kJsonOperations[0], *again, "").body !=
      request.body)
    std::abort();
  return 0;
}
