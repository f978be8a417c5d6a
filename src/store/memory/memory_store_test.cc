#include "store/memory/memory_store.h"

#include "store/contract.h"

namespace tidemill::store {

namespace {

class MemoryHarness final : public StoreHarness {
 public:
  Store& store() override { return *store_; }

 private:
  std::unique_ptr<Store> store_ = make_memory_store(contract_tables());
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract,
                         testing::Values([] { return std::make_unique<MemoryHarness>(); }));

TEST(MemoryStore, MalformedTablesAbort) {
  EXPECT_DEATH(make_memory_store({{"Bad Name"}}), "not a valid table name");
  EXPECT_DEATH(make_memory_store({{"twice"}, {"twice"}}), "declared twice");
}

}  // namespace tidemill::store
