#include "base/json.h"
#include "wire/protocols/cbor.h"
#include "wire/protocols/fuzz_support.h"

using namespace tidemill;        // NOLINT
using namespace tidemill::wire;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view body = test::as_text(data, size);
  test::decode_and_encode(schema::Protocol::rpc_v2_cbor, test::kCborService,
                          test::kQueryOperations[0], body);
  Result<Value> value = parse_cbor(body);
  if (!value) return 0;
  std::string once, twice;
  write_cbor(*value, once);
  Result<Value> again = parse_cbor(once);
  if (!again) std::abort();
  write_cbor(*again, twice);
  if (once != twice) std::abort();
  return 0;
}
