// The SQLite store: durable commits and reads. Set TIDEMILL_BENCH_DIR to measure another disk.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "store/sqlite/sqlite_store.h"

namespace {

using namespace tidemill;
using namespace tidemill::store;

constexpr int kRows = 10'000;
constexpr std::size_t kValueBytes = 500;

// One store for all benchmarks of the program, since opening is not measured.
class Bench {
 public:
  Bench() {
    const char* given = std::getenv("TIDEMILL_BENCH_DIR");
    std::string name = std::filesystem::path(given != nullptr ? given : "/tmp") / "store-XXXXXX";
    folder_ = mkdtemp(name.data());
    auto opened = open_sqlite_store(
        {.path = folder_ / "state.db", .tables = {{"rows", {}}, {"indexed", {"by_owner"}}}});
    if (!opened) std::abort();
    store_ = std::move(*opened);
    for (int first = 0; first < kRows; first += 1000) {
      Transaction transaction;
      for (int i = first; i < first + 1000; ++i) {
        transaction.put("rows", key(i), std::string(kValueBytes, 'x'), {}, std::nullopt);
        transaction.put("indexed", key(i), std::string(kValueBytes, 'x'),
                        {{"by_owner", std::to_string(i % 100)}}, std::nullopt);
      }
      if (!store_->commit(std::move(transaction))) std::abort();
    }
  }
  ~Bench() {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  static std::string key(std::uint64_t i) {
    return "account-123456789012/row-" + std::to_string(i);
  }
  Store& store() { return *store_; }

 private:
  std::filesystem::path folder_;
  std::unique_ptr<Store> store_;
};

Store& shared_store() {
  static Bench bench;
  return bench.store();
}

std::atomic<std::uint64_t> next_key = kRows;

void commit_new(benchmark::State& state) {
  Store& store = shared_store();
  for (auto unused : state) {
    Transaction transaction;
    transaction.put("rows", Bench::key(next_key++), std::string(kValueBytes, 'x'), {}, 0);
    if (!store.commit(std::move(transaction))) state.SkipWithError("commit failed");
  }
  state.SetItemsProcessed(state.iterations());
}

void commit_indexed_update(benchmark::State& state) {
  Store& store = shared_store();
  std::uint64_t i = static_cast<std::uint64_t>(state.thread_index()) * 7919;
  for (auto unused : state) {
    ++i;
    Transaction transaction;
    transaction.put("indexed", Bench::key(i % kRows), std::string(kValueBytes, 'y'),
                    {{"by_owner", std::to_string(i % 97)}}, std::nullopt);
    if (!store.commit(std::move(transaction))) state.SkipWithError("commit failed");
  }
  state.SetItemsProcessed(state.iterations());
}

void get(benchmark::State& state) {
  Store& store = shared_store();
  std::uint64_t i = static_cast<std::uint64_t>(state.thread_index()) * 7919;
  for (auto unused : state) {
    Result<std::optional<Row>> row = store.get("rows", Bench::key(++i % kRows));
    if (!row || !*row) state.SkipWithError("get failed");
    benchmark::DoNotOptimize(row);
  }
  state.SetItemsProcessed(state.iterations());
}

void scan_page(benchmark::State& state) {
  Store& store = shared_store();
  for (auto unused : state) {
    Result<Page> page = store.scan({.table = "indexed", .index = "by_owner", .prefix = "42"});
    if (!page || page->rows.empty()) state.SkipWithError("scan failed");
    benchmark::DoNotOptimize(page);
  }
  state.SetItemsProcessed(state.iterations());
}

}  // namespace

BENCHMARK(commit_new)->Threads(1)->Threads(16)->UseRealTime();
BENCHMARK(commit_indexed_update)->Threads(1)->Threads(16)->UseRealTime();
BENCHMARK(get)->Threads(1)->Threads(2)->Threads(16)->UseRealTime();
BENCHMARK(scan_page)->Threads(1)->UseRealTime();

BENCHMARK_MAIN();
