// A Store that fails on purpose: what a disk or a network does to the real one, by a plan that a
// test can repeat.
#pragma once

#include <chrono>
#include <map>
#include <memory>

#include "base/random.h"
#include "store/store.h"

namespace tidemill::store {

enum class FaultKind {
  none,
  fail_before,   // Tidemill.Io, nothing was written
  fail_after,    // Tidemill.Io although everything was written: the caller cannot know
  storage_full,  // Tidemill.StorageFull, nothing was written
  conflict,      // Tidemill.Conflict, nothing was written
  overloaded,    // Tidemill.Overloaded, nothing was written
};

struct Fault {
  FaultKind kind = FaultKind::none;
  std::chrono::microseconds delay{0};  // slept before anything else
};

// A call on the store, as the plan sees it.
struct FaultPoint {
  enum class Call { get, scan, commit } call;
  std::uint64_t number;            // of all calls of this kind, from 1
  const Transaction* transaction;  // of a commit, else nullptr
};

// Called from many threads at once. For reads every kind but `none` is Tidemill.Io.
using FaultPlan = std::function<Fault(const FaultPoint&)>;

// Borrows `inner`, which must outlive the result.
std::unique_ptr<Store> make_fault_store(Store& inner, FaultPlan plan);

// The n-th commits named fail.
FaultPlan faults_at_commits(std::map<std::uint64_t, FaultKind> kinds);

// Probabilities from 0 to 1, drawn for each call.
struct FaultRates {
  double fail_before = 0;
  double fail_after = 0;
  double storage_full = 0;
  double conflict = 0;
  double read_fails = 0;
  std::chrono::microseconds delay_max{0};
};
// Borrows `random`; with a seeded one the draws repeat, their order among threads does not.
FaultPlan random_faults(Random& random, FaultRates rates);

}  // namespace tidemill::store
