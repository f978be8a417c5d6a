// kill -9 while many threads commit: acknowledged writes are there, and no transaction is partial.
// The kernel keeps a killed process's writes, so this does not detect missing fsyncs.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <set>
#include <thread>

#include "base/random.h"
#include "store/deletion_scope.h"
#include "store/sqlite/sqlite_store.h"
#include "store/sqlite/test_folder.h"

namespace tidemill::store {

namespace {

constexpr int kThreads = 4;

std::vector<TableSpec> tables() { return {{"things", {"by_owner"}}, {"others", {}}}; }

Transaction pair_of_rows(const std::string& key) {
  Transaction transaction;
  transaction.put("things", key, std::string(700, 'x'), {{"by_owner", "o" + key}}, 0);
  transaction.put("others", key, "{}", {}, 0);
  return transaction;
}

// In the child: commits until killed, and prints each acknowledged key as a line.
[[noreturn]] void commit_for_ever(const std::filesystem::path& path, int round, int acknowledged) {
  auto store = open_sqlite_store({.path = path, .tables = tables()});
  if (!store) _exit(1);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0;; ++i) {
        const std::string key =
            std::to_string(round) + "-" + std::to_string(t) + "-" + std::to_string(i);
        if (!(*store)->commit(pair_of_rows(key))) _exit(2);
        const std::string line = key + "\n";
        if (write(acknowledged, line.data(), line.size()) < 0) _exit(3);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  _exit(0);
}

// Only whole lines: the kill may have cut the last one.
void read_lines(int descriptor, std::set<std::string>& lines) {
  std::string text;
  char buffer[4096];
  for (ssize_t size; (size = read(descriptor, buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<std::size_t>(size));
  }
  for (std::size_t end; (end = text.find('\n')) != text.npos; text.erase(0, end + 1)) {
    lines.insert(text.substr(0, end));
  }
}

std::set<std::string> all_keys(Store& store, Scan scan) {
  std::set<std::string> keys;
  scan.limit = 1000;
  do {
    Result<Page> page = store.scan(scan);
    if (!page) {
      ADD_FAILURE() << page.error().message;
      return keys;
    }
    for (const Row& row : page->rows) keys.insert(row.key);
    scan.after = page->next;
  } while (!scan.after.empty());
  return keys;
}

}  // namespace

TEST(SqliteCrash, AcknowledgedCommitsSurviveKills) {
  const std::uint64_t seed = make_system_random()->next();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::unique_ptr<Random> random = make_seeded_random(seed);
  TestFolder folder;
  std::set<std::string> acknowledged;
  for (int round = 0; round < 8; ++round) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) commit_for_ever(folder.database(), round, ends[1]);
    close(ends[1]);
    std::thread killer([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(10 + random->next() % 60));
      kill(child, SIGKILL);
    });
    read_lines(ends[0], acknowledged);
    killer.join();
    close(ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;

    auto store = open_sqlite_store({.path = folder.database(), .tables = tables()});
    ASSERT_TRUE(store) << store.error().message;
    const std::set<std::string> things = all_keys(**store, {.table = "things"});
    EXPECT_TRUE(std::ranges::includes(things, acknowledged));
    EXPECT_EQ(things, all_keys(**store, {.table = "others"}));
    EXPECT_EQ(things, all_keys(**store, {.table = "things", .index = "by_owner"}));
  }
  EXPECT_GT(acknowledged.size(), 0u);
}

// A real full disk: a small file system in memory.
TEST(SqliteCrash, FullDiskLosesNothingAcknowledged) {
  TestFolder folder;
  if (mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "mounting a file system needs more rights";
  }
  struct Unmount {
    const std::filesystem::path& path;
    ~Unmount() { umount2(path.c_str(), MNT_DETACH); }
  } unmount{folder.path()};

  std::set<std::string> acknowledged;
  {
    auto store = open_sqlite_store({.path = folder.database(), .tables = tables()});
    ASSERT_TRUE(store) << store.error().message;
    Result<void> result;
    for (int i = 0; i < 100'000 && result; ++i) {
      const std::string key = std::to_string(i);
      result = (*store)->commit(pair_of_rows(key));
      if (result) acknowledged.insert(key);
    }
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, codes::kStorageFull) << result.error().message;
    EXPECT_EQ(all_keys(**store, {.table = "things"}), acknowledged);
    EXPECT_EQ(all_keys(**store, {.table = "others"}), acknowledged);
    // Deletions, small ones and many, are written, and still nothing else.
    ASSERT_GT(acknowledged.size(), 100u);
    for (int i = 0; i < 100; ++i) {
      const std::string key = std::to_string(i);
      Transaction erase;
      erase.erase("things", key, std::nullopt);
      erase.erase("others", key, std::nullopt);
      Result<void> erased = (*store)->commit(std::move(erase));
      ASSERT_TRUE(erased) << "deletion " << i << ": " << erased.error().message;
      acknowledged.erase(key);
      Result<void> grown = (*store)->commit(pair_of_rows("more"));
      ASSERT_FALSE(grown);
      EXPECT_EQ(grown.error().code, codes::kStorageFull);
    }
    EXPECT_EQ(all_keys(**store, {.table = "things"}), acknowledged);
    {
      DeletionScope scope(true);
      Transaction changes_only;
      changes_only.put("things", "100", "{}", {}, std::nullopt);
      EXPECT_TRUE((*store)->commit(std::move(changes_only)));
    }
    ASSERT_EQ(mount("tmpfs", folder.path().c_str(), "tmpfs", MS_REMOUNT, "size=16m"), 0);
    EXPECT_TRUE((*store)->commit(pair_of_rows("after")));
    acknowledged.insert("after");
  }
  auto store = open_sqlite_store({.path = folder.database(), .tables = tables()});
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_EQ(all_keys(**store, {.table = "things"}), acknowledged);
}

}  // namespace tidemill::store
