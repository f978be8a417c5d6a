// Bytes of memory that requests under way may hold together.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

namespace tidemill::server {

class ByteBudget {
 public:
  // What one request holds; given back when it ends. The budget outlives it.
  class Hold {
   public:
    Hold() = default;
    Hold(ByteBudget& budget, std::uint64_t bytes) : budget_(&budget), bytes_(bytes) {}
    Hold(Hold&& other) noexcept
        : budget_(std::exchange(other.budget_, nullptr)), bytes_(other.bytes_) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Hold() {
      if (budget_) budget_->taken_.fetch_sub(bytes_, std::memory_order_relaxed);
    }

   private:
    ByteBudget* budget_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  explicit ByteBudget(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}
  // Nothing when so many bytes are not left.
  std::optional<Hold> take(std::uint64_t bytes) {
    std::uint64_t taken = taken_.load(std::memory_order_relaxed);
    do {
      if (bytes > bytes_max_ - taken) return std::nullopt;
    } while (!taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
    return Hold(*this, bytes);
  }
  std::uint64_t bytes_max() const { return bytes_max_; }

 private:
  const std::uint64_t bytes_max_;
  std::atomic<std::uint64_t> taken_{0};
};

}  // namespace tidemill::server
