// A Store that fails on purpose, like one on a bad disk or network, following a plan that a test
// can repeat.
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
  std::chrono::microseconds delay{0};  // slept before the call
};

// A call on the store, for the plan.
struct FaultPoint {
  enum class Call { get, scan, commit } call;
  std::uint64_t number;            // among calls of this kind, from 1
  const Transaction* transaction;  // for a commit, else nullptr
};

// Called from many threads at once. For reads, every kind except `none` is Tidemill.Io.
using FaultPlan = std::function<Fault(const FaultPoint&)>;

// `inner` is borrowed and must outlive the result.
std::unique_ptr<Store> make_fault_store(Store& inner, FaultPlan plan);

// Fails the commits with the given numbers.
FaultPlan faults_at_commits(std::map<std::uint64_t, FaultKind> kinds);

// Probabilities from 0 to 1, drawn at each call.
struct FaultRates {
  double fail_before = 0;
  double fail_after = 0;
  double storage_full = 0;
  double conflict = 0;
  double read_fails = 0;
  std::chrono::microseconds delay_max{0};
};
// Borrows `random`; with a seed the draws repeat, but not their order among threads.
FaultPlan random_faults(Random& random, FaultRates rates);

}  // namespace tidemill::store
