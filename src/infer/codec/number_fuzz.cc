// Text to float: accepted text has the value that strtof finds, whatever follows it.
#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "infer/codec/number.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // Exact-size copy, so that ASan sees over-reads.
  const std::unique_ptr<char[]> text(new char[size - 1]);
  if (size > 1) std::memcpy(text.get(), data + 1, size - 1);
  const char* end = text.get() + size - 1;
  const bool json = (data[0] & 1) != 0;
  float value = 0;
  const char* stop = tidemill::infer::parse_number(text.get(), end, json, value);
  if (stop == nullptr) return 0;
  assert(stop > text.get() && stop <= end);
  const std::string number(text.get(), static_cast<std::size_t>(stop - text.get()));
  char* oracle_stop = nullptr;
  const float oracle = std::strtof(number.c_str(), &oracle_stop);
  assert(*oracle_stop == '\0');
  assert(std::isnan(oracle) ? std::isnan(value) : value == oracle);
  return 0;
}
