#include "store/fault/fault_store.h"

#include <atomic>
#include <thread>

namespace tidemill::store {

namespace {

Error error_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::storage_full:
      return {codes::kStorageFull, "injected: the disk is full"};
    case FaultKind::conflict:
      return {codes::kConflict, "injected: a version moved on"};
    case FaultKind::overloaded:
      return {codes::kOverloaded, "injected: the queue is full"};
    case FaultKind::fail_after:
      return {codes::kIo, "injected: the outcome of the commit is unknown"};
    case FaultKind::fail_before:
    case FaultKind::none:
      break;
  }
  return {codes::kIo, "injected: the disk failed"};
}

class FaultStore final : public Store {
 public:
  FaultStore(Store& inner, FaultPlan plan) : inner_(inner), plan_(std::move(plan)) {}

  Result<std::optional<Row>> get(std::string_view table, std::string_view key) override {
    const Fault fault = draw({FaultPoint::Call::get, ++gets_, nullptr});
    if (fault.kind != FaultKind::none) return fail(error_of(FaultKind::fail_before));
    return inner_.get(table, key);
  }

  Result<Page> scan(const Scan& scan) override {
    const Fault fault = draw({FaultPoint::Call::scan, ++scans_, nullptr});
    if (fault.kind != FaultKind::none) return fail(error_of(FaultKind::fail_before));
    return inner_.scan(scan);
  }

  Result<void> commit(Transaction transaction) override {
    const Fault fault = draw({FaultPoint::Call::commit, ++commits_, &transaction});
    if (fault.kind == FaultKind::none) return inner_.commit(std::move(transaction));
    if (fault.kind == FaultKind::fail_after) {
      // Conflicts are found before anything is written, so they are still reported.
      if (Result<void> inner = inner_.commit(std::move(transaction)); !inner) return inner;
    }
    return fail(error_of(fault.kind));
  }

  void commit_async(Transaction transaction, std::function<void(Result<void>)> done) override {
    const Fault fault = draw({FaultPoint::Call::commit, ++commits_, &transaction});
    if (fault.kind == FaultKind::none) {
      inner_.commit_async(std::move(transaction), std::move(done));
    } else if (fault.kind == FaultKind::fail_after) {
      inner_.commit_async(std::move(transaction), [done = std::move(done)](Result<void> inner) {
        done(inner ? fail(error_of(FaultKind::fail_after)) : std::move(inner));
      });
    } else {
      done(fail(error_of(fault.kind)));
    }
  }

 private:
  Fault draw(const FaultPoint& point) {
    const Fault fault = plan_(point);
    if (fault.delay.count() > 0) std::this_thread::sleep_for(fault.delay);
    return fault;
  }

  Store& inner_;
  const FaultPlan plan_;
  std::atomic<std::uint64_t> gets_ = 0, scans_ = 0, commits_ = 0;
};

// In [0, 1).
double draw_fraction(Random& random) {
  return static_cast<double>(random.next() >> 11) * 0x1.0p-53;
}

}  // namespace

std::unique_ptr<Store> make_fault_store(Store& inner, FaultPlan plan) {
  return std::make_unique<FaultStore>(inner, std::move(plan));
}

FaultPlan faults_at_commits(std::map<std::uint64_t, FaultKind> kinds) {
  return [kinds = std::move(kinds)](const FaultPoint& point) -> Fault {
    if (point.call != FaultPoint::Call::commit) return {};
    const auto kind = kinds.find(point.number);
    return {kind == kinds.end() ? FaultKind::none : kind->second};
  };
}

FaultPlan random_faults(Random& random, FaultRates rates) {
  return [&random, rates](const FaultPoint& point) -> Fault {
    Fault fault;
    if (rates.delay_max.count() > 0) {
      fault.delay = std::chrono::microseconds(
          random.next() % static_cast<std::uint64_t>(rates.delay_max.count() + 1));
    }
    double fraction = draw_fraction(random);
    auto falls = [&fraction](double rate) { return (fraction -= rate) < 0; };
    if (point.call != FaultPoint::Call::commit) {
      if (falls(rates.read_fails)) fault.kind = FaultKind::fail_before;
    } else if (falls(rates.fail_before)) {
      fault.kind = FaultKind::fail_before;
    } else if (falls(rates.fail_after)) {
      fault.kind = FaultKind::fail_after;
    } else if (falls(rates.storage_full)) {
      fault.kind = FaultKind::storage_full;
    } else if (falls(rates.conflict)) {
      fault.kind = FaultKind::conflict;
    }
    return fault;
  };
}

}  // namespace tidemill::store
