// Requirements on every Store, as a parameterised test suite (contract_test.cc). The test file of
// an implementation adds
//
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreContract, testing::Values(&make_memory_harness));
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "store/store.h"

namespace tidemill::store {

class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  // The store with the tables below. Several threads of a test call this at the same time.
  virtual Store& store() = 0;
  // Closes and reopens the store; false when its contents do not survive closing.
  virtual bool reopen() { return false; }
};

inline std::vector<TableSpec> contract_tables() {
  return {{"things", {"by_owner", "by_time"}}, {"others", {}}};
}

class StoreContract
    : public testing::TestWithParam<std::function<std::unique_ptr<StoreHarness>()>> {
 protected:
  StoreContract() : harness_(GetParam()()) {}
  Store& store() { return harness_->store(); }
  std::unique_ptr<StoreHarness> harness_;
};

}  // namespace tidemill::store
