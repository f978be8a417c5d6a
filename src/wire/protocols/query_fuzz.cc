#include "wire/protocols/fuzz_support.h"

using namespace tidemill;        // NOLINT
using namespace tidemill::wire;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view body = test::as_text(data, size);
  using schema::Protocol;
  test::decode_and_encode(Protocol::aws_query, test::kQueryService, test::kQueryOperations[0],
                          body);
  test::decode_and_encode(Protocol::ec2_query, test::kQueryService, test::kQueryOperations[0],
                          body);
  return 0;
}
