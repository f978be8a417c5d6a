#include "base/byte_stream.h"

#include <algorithm>
#include <cstring>

namespace tidemill {

Result<std::size_t> StringSource::read(std::span<char> buffer) {
  std::size_t count = std::min(buffer.size(), bytes_.size() - position_);
  std::memcpy(buffer.data(), bytes_.data() + position_, count);
  position_ += count;
  return count;
}

std::optional<std::string> StringSource::take_in_memory() {
  std::string rest = position_ == 0 ? std::move(bytes_) : bytes_.substr(position_);
  bytes_.clear();
  position_ = 0;
  return rest;
}

Result<std::string> read_all(ByteSource& source, std::uint64_t limit_bytes) {
  auto too_large = [&] {
    return fail(codes::kOverloaded, "body exceeds " + std::to_string(limit_bytes) + " bytes");
  };
  if (std::optional<std::uint64_t> size = source.size(); size && *size > limit_bytes)
    return too_large();
  if (std::optional<std::string> whole = source.take_in_memory()) {
    if (whole->size() > limit_bytes) return too_large();
    return *std::move(whole);
  }
  std::string all;
  if (std::optional<std::uint64_t> size = source.size()) all.reserve(*size);
  char buffer[16384];
  for (;;) {
    std::size_t count = TRY(source.read(buffer));
    if (count == 0) return all;
    if (all.size() + count > limit_bytes) return too_large();
    all.append(buffer, count);
  }
}

}  // namespace tidemill
