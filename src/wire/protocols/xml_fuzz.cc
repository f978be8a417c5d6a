#include "wire/protocols/fuzz_support.h"
#include "wire/protocols/xml.h"

using namespace tidemill;        // NOLINT
using namespace tidemill::wire;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view body = test::as_text(data, size);
  using schema::Protocol;
  test::decode_and_encode(Protocol::rest_xml, test::kS3Service, test::kS3Operations[6], body);
  Value value = test::decode_and_encode(Protocol::rest_xml, test::kRestXmlService,
                                        test::kRestOperations[2], body);
  (void)read_xml(test::kEverything, body, false, "");
  if (value.is_null()) return 0;
  const Codec& codec = codec_for(Protocol::rest_xml);
  HttpRequest request;
  request.body =
      codec.encode_response(test::kRestXmlService, test::kRestOperations[2], value, "").body;
  // Control characters become references, which XML 1.0 readers may refuse; all else reads back.
  if (!request.body.empty() && request.body.find("&#x") == std::string::npos &&
      !codec.decode_request(test::kRestXmlService, test::kRestOperations[2], request, {}))
    std::abort();
  return 0;
}
