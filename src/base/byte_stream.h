// Bodies that are larger than memory should hold: pulled in pieces by whoever consumes them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"

namespace tidemill {

// One consumer, one thread at a time. read() may block (on the network or the disk) up to the
// request's deadline, so it belongs on a worker thread, never on an event loop.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills at most buffer.size() bytes; 0 means the end. After an error or the end it stays there.
  virtual Result<std::size_t> read(std::span<char> buffer) = 0;
  // Bytes in all, when known beforehand.
  virtual std::optional<std::uint64_t> size() const = 0;
  // The whole body when it already lies in memory: a short cut that saves the copy; empty optional
  // otherwise. Taking it counts as having read everything.
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

// Everything up to the end; Tidemill.Overloaded when it is more than `limit_bytes`.
Result<std::string> read_all(ByteSource& source, std::uint64_t limit_bytes);

}  // namespace tidemill
