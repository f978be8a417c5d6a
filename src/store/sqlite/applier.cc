#include "store/sqlite/applier.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/position_key.h"

namespace tidemill::store::sqlite {

namespace {
constexpr std::size_t kTransactionBytesMax = 64u << 20;
}  // namespace

Applier::Applier(Connection& connection, const Tables& tables)
    : connection_(connection),
      tables_(tables),
      by_table_(tables.all().size()),
      by_index_(tables.index_count()),
      positions_(tables.all().size()) {}

Result<void> Applier::check(const Tables& tables, const Transaction& transaction) {
  std::size_t bytes = 0;
  for (const Transaction::Operation& operation : transaction.operations()) {
    const TableInfo* table = TRY(tables.find(operation.table));
    bytes += operation.key.size() + operation.value.size();
    for (const auto& [index, key] : operation.index_keys) {
      TRY(tables.find_index(*table, index));
      bytes += key.size();
    }
  }
  if (bytes > kTransactionBytesMax) {
    return fail(codes::kInvalid, fmt::format("a transaction of {} bytes; at most {} are possible",
                                             bytes, kTransactionBytesMax));
  }
  return {};
}

Result<Applier::TableStatements*> Applier::statements(const TableInfo& table) {
  TableStatements& statements = by_table_[table.number];
  if (!statements.erase) {
    const std::string name = sql_name(table.spec.name);
    statements.current = TRY(connection_.prepare(
        fmt::format("SELECT version, index_keys FROM {} WHERE key = ?1", name)));
    statements.insert = TRY(connection_.prepare(fmt::format(
        "INSERT INTO {} (key, version, value, index_keys) VALUES (?1, ?2, ?3, ?4)", name)));
    statements.update = TRY(connection_.prepare(fmt::format(
        "UPDATE {} SET version = ?2, value = ?3, index_keys = ?4 WHERE key = ?1", name)));
    statements.last =
        TRY(connection_.prepare(fmt::format("SELECT key FROM {} ORDER BY key DESC LIMIT 1", name)));
    statements.erase = TRY(connection_.prepare(fmt::format("DELETE FROM {} WHERE key = ?1", name)));
  }
  return &statements;
}

Result<Applier::IndexStatements*> Applier::index_statements(const TableInfo& table,
                                                            const std::string& index) {
  IndexStatements& statements = by_index_[TRY(tables_.find_index(table, index))];
  if (!statements.erase) {
    const std::string name = sql_index_name(table.spec.name, index);
    statements.insert = TRY(connection_.prepare(
        fmt::format("INSERT OR IGNORE INTO {} (index_key, key) VALUES (?1, ?2)", name)));
    statements.erase = TRY(
        connection_.prepare(fmt::format("DELETE FROM {} WHERE index_key = ?1 AND key = ?2", name)));
  }
  return &statements;
}

Result<Current> Applier::current(const std::string& table_name, const std::string& key) {
  const TableInfo* table = TRY(tables_.find(table_name));
  Statement& select = TRY(statements(*table))->current;
  ResetGuard guard(select);
  select.bind(1, key);
  if (!TRY(select.step())) return Current{};
  Transaction::IndexKeys keys = TRY(read_index_keys(select.text(1)));
  // Entries of an index that was dropped since.
  std::erase_if(keys,
                [&](const auto& entry) { return !table->index_numbers.contains(entry.first); });
  return Current{static_cast<std::uint64_t>(select.number(0)), std::move(keys)};
}

Result<void> Applier::apply(const Transaction& transaction) {
  const std::vector<PlannedWrite> writes =
      TRY(plan(transaction, [this](const std::string& table, const std::string& key) {
        return current(table, key);
      }));
  for (const PlannedWrite& planned : writes) TRY(write(planned));
  return {};
}

void Applier::forget_positions() { std::ranges::fill(positions_, std::nullopt); }

Result<void> Applier::append(const TableInfo& table, const std::string& value) {
  TableStatements* rows = TRY(statements(table));
  std::optional<std::uint64_t>& position = positions_[table.number];
  if (!position) {
    ResetGuard guard(rows->last);
    position = TRY(rows->last.step()) ? position_of(rows->last.text(0)).value_or(0) : 0;
  }
  const std::string key = position_key(*position + 1);
  rows->insert.bind(1, key);
  rows->insert.bind(2, std::int64_t(1));
  rows->insert.bind(3, value);
  rows->insert.bind(4, std::string_view(""));
  TRY(rows->insert.run());
  ++*position;
  return {};
}

Result<void> Applier::write(const PlannedWrite& write) {
  const Transaction::Operation& operation = *write.operation;
  const TableInfo* table = TRY(tables_.find(operation.table));
  if (write.is_append()) return append(*table, operation.value);
  TableStatements* rows = TRY(statements(*table));
  if (write.new_version == 0) {
    rows->erase.bind(1, operation.key);
    TRY(rows->erase.run());
  } else {
    Statement& put = write.old_version == 0 ? rows->insert : rows->update;
    const std::string index_keys = write_index_keys(write.index_keys);
    put.bind(1, operation.key);
    put.bind(2, static_cast<std::int64_t>(write.new_version));
    put.bind(3, operation.value);
    put.bind(4, index_keys);
    TRY(put.run());
  }
  for (const auto& [index, index_key] : write.index_keys_removed) {
    Statement& erase = TRY(index_statements(*table, index))->erase;
    erase.bind(1, index_key);
    erase.bind(2, operation.key);
    TRY(erase.run());
  }
  for (const auto& [index, index_key] : write.index_keys_added) {
    Statement& insert = TRY(index_statements(*table, index))->insert;
    insert.bind(1, index_key);
    insert.bind(2, operation.key);
    TRY(insert.run());
  }
  return {};
}

}  // namespace tidemill::store::sqlite
