#include "store/memory/memory_store.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>
#include <shared_mutex>

#include "store/plan.h"
#include "store/position.h"
#include "store/position_key.h"

namespace tidemill::store {

namespace {

struct Stored {
  std::uint64_t version = 0;
  std::string value;
  Transaction::IndexKeys index_keys;
};

using IndexEntries = std::set<std::pair<std::string, std::string>>;  // index key, primary key

struct MemoryTable {
  std::map<std::string, Stored, std::less<>> rows;
  std::map<std::string, IndexEntries, std::less<>> indexes;
};

// Walks [begin, end) in the scan's direction; `emit` takes one element. True when there were more
// than the limit.
template <class Iterator, class Emit>
bool walk(Iterator begin, Iterator end, const Scan& scan, Emit emit) {
  std::size_t count = 0;
  while (begin != end) {
    if (count++ == scan.limit) return true;
    if (scan.reverse) {
      emit(*--end);
    } else {
      emit(*begin++);
    }
  }
  return false;
}

class MemoryStore final : public Store {
 public:
  explicit MemoryStore(const std::vector<TableSpec>& specs) {
    for (const TableSpec& spec : specs) {
      MemoryTable& table = tables_[spec.name];
      for (const std::string& index : spec.indexes) table.indexes[index];
    }
  }

  Result<std::optional<Row>> get(std::string_view table_name, std::string_view key) override {
    std::shared_lock lock(mutex_);
    MemoryTable* table = TRY(find(table_name));
    const auto row = table->rows.find(key);
    if (row == table->rows.end()) return std::optional<Row>();
    return std::optional(Row{row->first, row->second.version, row->second.value});
  }

  Result<Page> scan(const Scan& scan) override {
    TRY(check_scan(scan));
    std::shared_lock lock(mutex_);
    MemoryTable* table = TRY(find(scan.table));
    if (scan.index.empty()) return scan_rows(*table, scan);
    const auto index = table->indexes.find(scan.index);
    if (index == table->indexes.end()) return no_index(scan.table, scan.index);
    return scan_index(*table, index->second, scan);
  }

  Result<void> commit(Transaction transaction) override {
    Result<void> committed;
    {
      std::unique_lock lock(mutex_);
      committed = commit_locked(transaction);
    }
    transaction.run_hooks(committed);
    return committed;
  }

  void commit_async(Transaction transaction, std::function<void(Result<void>)> done) override {
    done(commit(std::move(transaction)));
  }

 private:
  static std::unexpected<Error> no_index(std::string_view table, std::string_view index) {
    return fail(codes::kInvalid, fmt::format("table {} has no index {}", table, index));
  }

  Result<MemoryTable*> find(std::string_view name) {
    const auto table = tables_.find(name);
    if (table == tables_.end()) {
      return fail(codes::kInvalid, fmt::format("there is no table {}", name));
    }
    return &table->second;
  }

  static Result<Page> scan_rows(MemoryTable& table, const Scan& scan) {
    const KeyRange range = key_range(scan);
    if (range.end && *range.end <= range.lowest) return Page{};
    const auto begin = table.rows.lower_bound(range.lowest);
    const auto end = range.end ? table.rows.lower_bound(*range.end) : table.rows.end();
    Page page;
    const bool more = walk(begin, end, scan, [&](const auto& row) {
      page.rows.push_back({row.first, row.second.version, row.second.value});
    });
    if (more) page.next = page.rows.back().key;
    return page;
  }

  static Result<Page> scan_index(MemoryTable& table, const IndexEntries& entries,
                                 const Scan& scan) {
    const IndexRange range = index_range(scan);
    if (range.end && *range.end <= range.lowest) return Page{};
    const auto begin = entries.lower_bound(range.lowest);
    const auto end = range.end ? entries.lower_bound(*range.end) : entries.end();
    Page page;
    std::string last;
    const bool more = walk(begin, end, scan, [&](const auto& entry) {
      const Stored& row = table.rows.at(entry.second);
      page.rows.push_back({entry.second, row.version, row.value});
      last = write_index_position(entry.first, entry.second);
    });
    if (more) page.next = last;
    return page;
  }

  static std::uint64_t next_position(const MemoryTable& table) {
    if (table.rows.empty()) return 1;
    return position_of(table.rows.rbegin()->first).value_or(0) + 1;
  }

  Result<void> commit_locked(const Transaction& transaction) {
    for (const auto& operation : transaction.operations()) {
      MemoryTable* table = TRY(find(operation.table));
      for (const auto& [index, unused] : operation.index_keys) {
        if (!table->indexes.contains(index)) return no_index(operation.table, index);
      }
    }
    const std::vector<PlannedWrite> writes = TRY(
        plan(transaction, [&](const std::string& table, const std::string& key) -> Result<Current> {
          const auto& rows = tables_.find(table)->second.rows;
          const auto row = rows.find(key);
          if (row == rows.end()) return Current{};
          return Current{row->second.version, row->second.index_keys};
        }));
    for (const PlannedWrite& write : writes) apply(write);
    return {};
  }

  void apply(const PlannedWrite& write) {
    const Transaction::Operation& operation = *write.operation;
    MemoryTable& table = tables_.find(operation.table)->second;
    if (write.is_append()) {
      table.rows[position_key(next_position(table))] = {1, operation.value, {}};
      return;
    }
    for (const auto& [index, index_key] : write.index_keys_removed) {
      table.indexes[index].erase({index_key, operation.key});
    }
    for (const auto& [index, index_key] : write.index_keys_added) {
      table.indexes[index].insert({index_key, operation.key});
    }
    if (write.new_version == 0) {
      table.rows.erase(operation.key);
    } else {
      table.rows[operation.key] = {write.new_version, operation.value, write.index_keys};
    }
  }

  std::shared_mutex mutex_;
  std::map<std::string, MemoryTable, std::less<>> tables_;  // guarded by mutex_
};

}  // namespace

std::unique_ptr<Store> make_memory_store(std::vector<TableSpec> tables) {
  if (Result<void> checked = check_tables(tables); !checked) {
    std::fprintf(stderr, "memory store: %s\n", checked.error().message.c_str());
    std::abort();
  }
  return std::make_unique<MemoryStore>(tables);
}

}  // namespace tidemill::store
