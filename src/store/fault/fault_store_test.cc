#include "store/fault/fault_store.h"

#include "store/contract.h"
#include "store/memory/memory_store.h"

namespace tidemill::store {

namespace {

// Without faults it must behave like the store that it wraps.
class FaultHarness final : public StoreHarness {
 public:
  Store& store() override { return *store_; }

 private:
  std::unique_ptr<Store> memory_ = make_memory_store(contract_tables());
  std::unique_ptr<Store> store_ = make_fault_store(*memory_, faults_at_commits({}));
};

Transaction one_put(const std::string& key) {
  Transaction transaction;
  transaction.put("things", key, "1", {}, 0);
  return transaction;
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Fault, StoreContract,
                         testing::Values([] { return std::make_unique<FaultHarness>(); }));

TEST(FaultStore, PlannedCommitsFail) {
  std::unique_ptr<Store> memory = make_memory_store(contract_tables());
  std::unique_ptr<Store> store =
      make_fault_store(*memory, faults_at_commits({{1, FaultKind::fail_before},
                                                   {2, FaultKind::fail_after},
                                                   {3, FaultKind::storage_full},
                                                   {4, FaultKind::conflict}}));
  EXPECT_EQ(store->commit(one_put("a")).error().code, codes::kIo);
  EXPECT_FALSE(store->get("things", "a")->has_value());
  EXPECT_EQ(store->commit(one_put("b")).error().code, codes::kIo);
  EXPECT_TRUE(store->get("things", "b")->has_value()) << "it was committed nevertheless";
  EXPECT_EQ(store->commit(one_put("c")).error().code, codes::kStorageFull);
  EXPECT_EQ(store->commit(one_put("c")).error().code, codes::kConflict);
  EXPECT_TRUE(store->commit(one_put("c")));
}

TEST(FaultStore, RandomFaultsHaveTheirRates) {
  std::unique_ptr<Store> memory = make_memory_store(contract_tables());
  std::unique_ptr<Random> random = make_seeded_random(7);
  std::unique_ptr<Store> store =
      make_fault_store(*memory, random_faults(*random, {.fail_before = 0.2, .storage_full = 0.1}));
  std::map<std::string, int> outcomes;
  for (int i = 0; i < 2000; ++i) {
    Result<void> result = store->commit({});
    ++outcomes[result ? "" : result.error().code];
  }
  EXPECT_NEAR(outcomes[codes::kIo], 400, 80);
  EXPECT_NEAR(outcomes[codes::kStorageFull], 200, 60);
}

}  // namespace tidemill::store
