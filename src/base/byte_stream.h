// Bodies too large for memory: the consumer pulls them in pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"

namespace tidemill {

// One consumer, one thread at a time. read() may block (on the network or the disk) up to the
// request's deadline: call it on a worker thread, never on an event loop.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills at most buffer.size() bytes; 0 means the end. An error or the end is final.
  virtual Result<std::size_t> read(std::span<char> buffer) = 0;
  // Total size in bytes, when known beforehand.
  virtual std::optional<std::uint64_t> size() const = 0;
  // The whole body if it already lies in memory (saves a copy); otherwise an empty optional. Taking
  // it counts as having read everything.
  virtual std::optional<std::string> take_in_memory() { return std::nullopt; }
};

class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string bytes) : bytes_(std::move(bytes)), size_(bytes_.size()) {}
  Result<std::size_t> read(std::span<char> buffer) override;
  std::optional<std::uint64_t> size() const override { return size_; }
  std::optional<std::string> take_in_memory() override;

 private:
  std::string bytes_;
  std::uint64_t size_;
  std::size_t position_ = 0;
};

// Reads everything up to the end; Tidemill.Overloaded beyond `limit_bytes`.
Result<std::string> read_all(ByteSource& source, std::uint64_t limit_bytes);

}  // namespace tidemill
