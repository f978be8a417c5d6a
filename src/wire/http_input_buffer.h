// Received bytes that are not used up yet.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

namespace tidemill::wire {

// One contiguous piece, so that heads can be parsed in place.
class InputBuffer {
 public:
  std::string_view view() const { return {bytes_.get() + begin_, end_ - begin_}; }
  bool empty() const { return begin_ == end_; }
  // Does not move bytes: a read into room() may be under way.
  void consume(std::size_t count) { begin_ += count; }
  // At least `count` bytes to read into; committed() takes the number that came.
  std::span<char> room(std::size_t count) {
    if (begin_ == end_) begin_ = end_ = 0;
    if (capacity_ - end_ < count) make_room(count);
    return {bytes_.get() + end_, capacity_ - end_};
  }
  void committed(std::size_t count) { end_ += count; }
  void append(std::string_view bytes) {
    std::memcpy(room(bytes.size()).data(), bytes.data(), bytes.size());
    committed(bytes.size());
  }
  // Frees the memory of waiting connections. Do not call while a read into it is under way.
  void release_if_empty(std::size_t keep_bytes_max) {
    if (!empty() || capacity_ <= keep_bytes_max) return;
    bytes_.reset();
    begin_ = end_ = capacity_ = 0;
  }
  std::size_t capacity() const { return capacity_; }

 private:
  void make_room(std::size_t count) {
    const std::size_t used = end_ - begin_;
    if (capacity_ >= used + count) {
      std::memmove(bytes_.get(), bytes_.get() + begin_, used);
    } else {
      const std::size_t capacity = std::max({std::size_t(4096), capacity_ * 2, used + count});
      std::unique_ptr<char[]> bytes = std::make_unique_for_overwrite<char[]>(capacity);
      if (used > 0) std::memcpy(bytes.get(), bytes_.get() + begin_, used);
      bytes_ = std::move(bytes);
      capacity_ = capacity;
    }
    begin_ = 0;
    end_ = used;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace tidemill::wire
