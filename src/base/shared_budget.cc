#include "base/shared_budget.h"

#include <cassert>
#include <utility>

namespace tidemill {

SharedBudget::Hold::Hold(Hold&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)),
      owner_(std::move(other.owner_)),
      amount_(std::exchange(other.amount_, 0)) {}

SharedBudget::Hold& SharedBudget::Hold::operator=(Hold&& other) noexcept {
  std::swap(budget_, other.budget_);
  std::swap(owner_, other.owner_);
  std::swap(amount_, other.amount_);
  return *this;
}

SharedBudget::Hold::~Hold() {
  if (budget_ && amount_ > 0) budget_->give_back(owner_, amount_);
}

bool SharedBudget::Hold::grow_to(std::uint64_t amount) {
  if (amount <= amount_) return true;
  if (!budget_ || !budget_->take(owner_, amount - amount_)) return false;
  amount_ = amount;
  return true;
}

bool SharedBudget::take(const std::string& owner, std::uint64_t amount) {
  std::lock_guard lock(mutex_);
  if (amount > total_max_ - taken_) return false;
  auto found = by_owner_.find(owner);
  const std::uint64_t owned = found == by_owner_.end() ? 0 : found->second;
  if (amount > owner_max_ || owned > owner_max_ - amount) return false;
  taken_ += amount;
  if (found == by_owner_.end())
    by_owner_.emplace(owner, amount);
  else
    found->second += amount;
  return true;
}

void SharedBudget::give_back(const std::string& owner, std::uint64_t amount) {
  std::lock_guard lock(mutex_);
  auto found = by_owner_.find(owner);
  assert(found != by_owner_.end() && found->second >= amount && taken_ >= amount);
  taken_ -= amount;
  found->second -= amount;
  if (found->second == 0) by_owner_.erase(found);
}

std::uint64_t SharedBudget::taken() const {
  std::lock_guard lock(mutex_);
  return taken_;
}

}  // namespace tidemill
