#include "store/sqlite/sqlite_store.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "store/contract.h"
#include "store/sqlite/test_folder.h"

namespace tidemill::store {

namespace {

using testing::HasSubstr;

class SqliteHarness final : public StoreHarness {
 public:
  SqliteHarness() { open(); }
  Store& store() override { return *store_; }
  bool reopen() override {
    store_.reset();
    open();
    return true;
  }

 private:
  void open() {
    auto opened = open_sqlite_store({.path = folder_.database(), .tables = contract_tables()});
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
  }

  TestFolder folder_;
  std::unique_ptr<Store> store_;
};

Transaction one_put(const std::string& table, const std::string& key, std::string value = "{}") {
  Transaction transaction;
  transaction.put(table, key, std::move(value), {}, std::nullopt);
  return transaction;
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract,
                         testing::Values([] { return std::make_unique<SqliteHarness>(); }));

TEST(SqliteStore, FilesArePrivate) {
  TestFolder folder;
  auto store = open_sqlite_store({.path = folder.database(), .tables = contract_tables()});
  ASSERT_TRUE(store) << store.error().message;
  ASSERT_TRUE((*store)->commit(one_put("things", "a")));
  for (const auto& entry : std::filesystem::directory_iterator(folder.database().parent_path())) {
    struct stat status = {};
    ASSERT_EQ(stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U) << entry.path();
  }
}

TEST(SqliteStore, FolderIsUsedByOneStoreAtATime) {
  TestFolder folder;
  auto first = open_sqlite_store({.path = folder.database(), .tables = contract_tables()});
  ASSERT_TRUE(first);
  auto second = open_sqlite_store({.path = folder.database(), .tables = contract_tables()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, codes::kConflict);
  EXPECT_THAT(second.error().message, HasSubstr("in use by process " + std::to_string(getpid())));
  first->reset();
  EXPECT_TRUE(open_sqlite_store({.path = folder.database(), .tables = contract_tables()}));
}

TEST(SqliteStore, FullDatabaseRefusesAndRecovers) {
  TestFolder folder;
  auto store = open_sqlite_store(
      {.path = folder.database(), .tables = contract_tables(), .database_bytes_max = 4u << 20});
  ASSERT_TRUE(store) << store.error().message;
  Transaction too_much;
  for (int i = 0; i < 8; ++i) {
    too_much.put("things", "big" + std::to_string(i), std::string(1u << 20, 'x'), {}, {});
  }
  // Small transactions in the same or another group do not fail with it.
  std::atomic<int> small_failures = 0;
  std::thread beside([&] {
    for (int i = 0; i < 50; ++i) {
      if (!(*store)->commit(one_put("others", std::to_string(i)))) ++small_failures;
    }
  });
  for (int i = 0; i < 3; ++i) {
    Result<void> full = (*store)->commit(too_much);
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code, codes::kStorageFull) << full.error().message;
  }
  beside.join();
  EXPECT_EQ(small_failures, 0);
  EXPECT_TRUE((*store)->scan({.table = "things"})->rows.empty()) << "nothing half-written";
  EXPECT_TRUE((*store)->commit(one_put("things", "small")));
}

TEST(SqliteStore, CommitsToARemovedDatabaseAreNotAcknowledged) {
  for (const char* gone : {"", "-wal"}) {
    TestFolder folder;
    auto store = open_sqlite_store({.path = folder.database(), .tables = contract_tables()});
    ASSERT_TRUE(store) << store.error().message;
    ASSERT_TRUE((*store)->commit(one_put("things", "before")));
    const std::filesystem::path file = folder.database().string() + gone;
    std::filesystem::rename(file, file.string() + ".aside");
    Result<void> lost = (*store)->commit(one_put("things", "lost"));
    ASSERT_FALSE(lost) << file;
    EXPECT_EQ(lost.error().code, codes::kIo);
    EXPECT_THAT(lost.error().message, HasSubstr("removed or moved away"));
    std::ofstream(file) << "another";
    lost = (*store)->commit(one_put("things", "lost"));
    ASSERT_FALSE(lost) << file;
    EXPECT_THAT(lost.error().message, HasSubstr("replaced"));
    std::filesystem::rename(file.string() + ".aside", file);
    EXPECT_TRUE((*store)->commit(one_put("things", "back")));
    EXPECT_FALSE(*(*store)->get("things", "lost"));
  }
}

TEST(SqliteStore, QueueIsBounded) {
  TestFolder folder;
  auto store = open_sqlite_store(
      {.path = folder.database(), .tables = contract_tables(), .queue_transactions_max = 4});
  ASSERT_TRUE(store);
  std::atomic<int> good = 0, overloaded = 0;
  for (int i = 0; i < 200; ++i) {
    (*store)->commit_async(one_put("things", std::to_string(i)), [&](Result<void> result) {
      result ? ++good : (result.error().code == codes::kOverloaded ? ++overloaded : 0);
    });
  }
  store->reset();  // commits queued transactions
  EXPECT_EQ(good + overloaded, 200);
  EXPECT_GT(overloaded, 0);
  auto again = open_sqlite_store({.path = folder.database(), .tables = contract_tables()});
  EXPECT_EQ((*again)->scan({.table = "things", .limit = 1000})->rows.size(),
            static_cast<std::size_t>(good));
}

TEST(SqliteStore, NotADatabaseIsRefused) {
  TestFolder folder;
  {
    std::FILE* file = std::fopen(folder.database().c_str(), "w");
    std::fputs("this is no database, whatever its name says; it is long enough to be read", file);
    std::fclose(file);
  }
  auto store = open_sqlite_store({.path = folder.database(), .tables = contract_tables()});
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, codes::kCorrupt) << store.error().message;
}

}  // namespace tidemill::store
