#include "store/sqlite/reader.h"

#include <fmt/format.h>

#include "store/position.h"

namespace tidemill::store::sqlite {

namespace {

// Takes rows (key, version, value, then `position`'s columns) up to the limits.
template <class Position>
Result<Page> read_page(Statement& statement, const Scan& scan, Position position) {
  ResetGuard guard(statement);
  Page page;
  std::size_t bytes = 0;
  std::string last;
  while (TRY(statement.step())) {
    if (page.rows.size() == scan.limit || bytes >= scan.page_bytes_max) {
      page.next = std::move(last);
      break;
    }
    page.rows.push_back({std::string(statement.text(0)),
                         static_cast<std::uint64_t>(statement.number(1)),
                         std::string(statement.text(2))});
    bytes += page.rows.back().key.size() + page.rows.back().value.size();
    last = position(page.rows.back());
  }
  return page;
}

}  // namespace

Reader::Reader(Connection& connection, const Tables& tables)
    : connection_(connection), tables_(tables), gets_(tables.all().size()) {}

Result<std::optional<Row>> Reader::get(std::string_view table_name, std::string_view key) {
  const TableInfo* table = TRY(tables_.find(table_name));
  Statement& statement = gets_[table->number];
  if (!statement) {
    statement = TRY(connection_.prepare(
        fmt::format("SELECT version, value FROM {} WHERE key = ?1", sql_name(table_name))));
  }
  ResetGuard guard(statement);
  statement.bind(1, key);
  if (!TRY(statement.step())) return std::optional<Row>();
  return std::optional(Row{std::string(key), static_cast<std::uint64_t>(statement.number(0)),
                           std::string(statement.text(1))});
}

Result<Page> Reader::scan(const Scan& scan) {
  TRY(check_scan(scan));
  const TableInfo* table = TRY(tables_.find(scan.table));
  return scan.index.empty() ? scan_rows(*table, scan) : scan_index(*table, scan);
}

Result<Statement*> Reader::scan_statement(const std::string& sql) {
  Statement& statement = scans_[sql];
  if (!statement) statement = TRY(connection_.prepare(sql));
  return &statement;
}

Result<Page> Reader::scan_rows(const TableInfo& table, const Scan& scan) {
  const KeyRange range = key_range(scan);
  Statement* statement = TRY(scan_statement(fmt::format(
      "SELECT key, version, value FROM {} WHERE key >= ?1 {} ORDER BY key {} LIMIT ?3",
      sql_name(table.spec.name), range.end ? "AND key < ?2" : "", scan.reverse ? "DESC" : "")));
  statement->bind(1, range.lowest);
  if (range.end) statement->bind(2, *range.end);
  statement->bind(3, static_cast<std::int64_t>(scan.limit + 1));
  return read_page(*statement, scan, [](const Row& row) { return row.key; });
}

Result<Page> Reader::scan_index(const TableInfo& table, const Scan& scan) {
  TRY(tables_.find_index(table, scan.index));
  const IndexRange range = index_range(scan);
  const char* direction = scan.reverse ? "DESC" : "";
  Statement* statement = TRY(scan_statement(fmt::format(
      "SELECT r.key, r.version, r.value, i.index_key FROM {} i CROSS JOIN {} r ON r.key = i.key "
      "WHERE (i.index_key, i.key) >= (?1, ?2) {} ORDER BY i.index_key {}, i.key {} LIMIT ?5",
      sql_index_name(table.spec.name, scan.index), sql_name(table.spec.name),
      range.end ? "AND (i.index_key, i.key) < (?3, ?4)" : "", direction, direction)));
  statement->bind(1, range.lowest.first);
  statement->bind(2, range.lowest.second);
  if (range.end) {
    statement->bind(3, range.end->first);
    statement->bind(4, range.end->second);
  }
  statement->bind(5, static_cast<std::int64_t>(scan.limit + 1));
  return read_page(*statement, scan, [&](const Row& row) {
    return write_index_position(statement->text(3), row.key);
  });
}

Result<std::unique_ptr<ReaderPool::Slot>> ReaderPool::acquire() {
  {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return !idle_.empty() || opened_ < readers_max_; });
    if (!idle_.empty()) {
      std::unique_ptr<Slot> slot = std::move(idle_.back());
      idle_.pop_back();
      return slot;
    }
    ++opened_;
  }
  Result<Connection> connection = Connection::open(path_, true, page_cache_bytes_);
  if (!connection) {
    std::lock_guard lock(mutex_);
    --opened_;
    freed_.notify_one();
    return fail(std::move(connection.error()));
  }
  return std::make_unique<Slot>(std::move(*connection), tables_);
}

void ReaderPool::release(std::unique_ptr<Slot> slot) {
  {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(slot));
  }
  freed_.notify_one();
}

Result<std::optional<Row>> ReaderPool::get(std::string_view table, std::string_view key) {
  std::unique_ptr<Slot> slot = TRY(acquire());
  Result<std::optional<Row>> row = slot->reader.get(table, key);
  release(std::move(slot));
  return row;
}

Result<Page> ReaderPool::scan(const Scan& scan) {
  std::unique_ptr<Slot> slot = TRY(acquire());
  Result<Page> page = slot->reader.scan(scan);
  release(std::move(slot));
  return page;
}

}  // namespace tidemill::store::sqlite
