// Limits what all requests together may hold (bytes of memory, places in a queue), and how much of
// it one owner may hold.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tidemill {

// Thread-safe. Outlives its holds.
class SharedBudget {
 public:
  // The share of one request; returned when the hold is destroyed. One thread at a time.
  class Hold {
   public:
    Hold() = default;
    Hold(Hold&& other) noexcept;
    Hold& operator=(Hold&& other) noexcept;
    ~Hold();
    // Raises the hold to `amount` in total; false, without a change, when the owner may not have so
    // much. A hold never shrinks.
    bool grow_to(std::uint64_t amount);
    std::uint64_t amount() const { return amount_; }

   private:
    friend class SharedBudget;
    Hold(SharedBudget& budget, std::string_view owner) : budget_(&budget), owner_(owner) {}

    SharedBudget* budget_ = nullptr;
    std::string owner_;
    std::uint64_t amount_ = 0;
  };

  SharedBudget(std::uint64_t total_max, std::uint64_t owner_max)
      : total_max_(total_max), owner_max_(owner_max) {}
  SharedBudget(const SharedBudget&) = delete;
  SharedBudget& operator=(const SharedBudget&) = delete;

  // An empty hold.
  Hold hold(std::string_view owner) { return Hold(*this, owner); }
  std::uint64_t total_max() const { return total_max_; }
  std::uint64_t taken() const;

 private:
  bool take(const std::string& owner, std::uint64_t amount);
  void give_back(const std::string& owner, std::uint64_t amount);

  const std::uint64_t total_max_;
  const std::uint64_t owner_max_;
  mutable std::mutex mutex_;
  std::uint64_t taken_ = 0;                                  // guarded by mutex_
  std::unordered_map<std::string, std::uint64_t> by_owner_;  // guarded by mutex_; no zero entries
};

}  // namespace tidemill
