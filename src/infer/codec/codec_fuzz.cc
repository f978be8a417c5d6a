// Request bodies in every format read here (DuckDB reads Parquet): any input gives a matrix or an
// error.
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "infer/codec/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr const char* kTypes[] = {
      "text/csv",          "application/json", "application/jsonlines",
      "application/x-npy", "text/libsvm",      "application/x-recordio-protobuf"};
  if (size < 2) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data + 2), size - 2);
  const auto rows =
      tidemill::infer::decode_rows(kTypes[data[0] % std::size(kTypes)], body, data[1] % 16);
  if (!rows) return 0;
  assert(rows->values.size() == rows->rows * rows->columns);
  assert(rows->values.size() * sizeof(float) <= tidemill::infer::kMatrixBytesMax);
  return 0;
}
