#include "store/sqlite/schema.h"

#include <fmt/format.h>

#include <charconv>
#include <set>

#include "store/sqlite/applier.h"
#include "store/sqlite/reader.h"

namespace tidemill::store::sqlite {

namespace {

// The layout in tables.h; changing it needs code here that upgrades databases.
constexpr int kLayoutVersion = 1;
constexpr std::size_t kRebuildPageRows = 1000;

class Schema final : public MigrationContext {
 public:
  Schema(Connection& connection, const Tables& tables)
      : connection_(connection),
        tables_(tables),
        reader_(connection, tables),
        applier_(connection, tables) {}

  Result<void> prepare(const std::vector<Migration>& migrations);

  Result<std::optional<Row>> get(std::string_view table, std::string_view key) override {
    return reader_.get(table, key);
  }
  Result<Page> scan(const Scan& scan) override { return reader_.scan(scan); }
  Result<void> apply(const Transaction& transaction) override {
    TRY(Applier::check(tables_, transaction));
    return applier_.apply(transaction);
  }
  Result<void> rebuild_indexes(std::string_view table) override;

 private:
  Result<std::optional<int>> read_version(const std::string& name);
  Result<void> write_version(const std::string& name, int version);
  Result<std::set<std::string>> names_in_database();
  Result<void> create_table(const TableInfo& table, const std::set<std::string>& existing);
  Result<void> drop_undeclared_indexes(const std::set<std::string>& existing);
  Result<void> run_migrations(const std::vector<Migration>& migrations, int from_version);

  Connection& connection_;
  const Tables& tables_;
  Reader reader_;
  Applier applier_;
  std::set<std::string> tables_to_rebuild_;
};

Result<std::optional<int>> Schema::read_version(const std::string& name) {
  Statement select =
      TRY(connection_.prepare("SELECT value FROM \"tidemill/meta\" WHERE name = ?1"));
  select.bind(1, name);
  if (!TRY(select.step())) return std::optional<int>();
  const std::string_view text = select.text(0);
  int version = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), version).ec != std::errc()) {
    return fail(codes::kCorrupt, fmt::format("the database's {} is '{}', no number", name, text));
  }
  return std::optional(version);
}

Result<void> Schema::write_version(const std::string& name, int version) {
  Statement put = TRY(connection_.prepare(
      "INSERT OR REPLACE INTO \"tidemill/meta\" (name, value) VALUES (?1, ?2)"));
  const std::string text = std::to_string(version);
  put.bind(1, name);
  put.bind(2, text);
  return put.run();
}

Result<std::set<std::string>> Schema::names_in_database() {
  Statement select =
      TRY(connection_.prepare("SELECT name FROM sqlite_master WHERE type = 'table'"));
  std::set<std::string> names;
  while (TRY(select.step())) names.emplace(select.text(0));
  return names;
}

Result<void> Schema::create_table(const TableInfo& table, const std::set<std::string>& existing) {
  const std::string& name = table.spec.name;
  const bool is_new = !existing.contains(name);
  if (is_new) {
    TRY(connection_.execute(
        fmt::format("CREATE TABLE {} (key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, "
                    "value TEXT NOT NULL, index_keys TEXT NOT NULL) WITHOUT ROWID",
                    sql_name(name))));
  }
  for (const std::string& index : table.spec.indexes) {
    if (existing.contains(name + "/" + index)) continue;
    TRY(
        connection_.execute(fmt::format("CREATE TABLE {} (index_key TEXT NOT NULL, key TEXT NOT "
                                        "NULL, PRIMARY KEY (index_key, key)) WITHOUT ROWID",
                                        sql_index_name(name, index))));
    if (!is_new) tables_to_rebuild_.insert(name);
  }
  return {};
}

Result<void> Schema::drop_undeclared_indexes(const std::set<std::string>& existing) {
  for (const TableInfo& table : tables_.all()) {
    const std::string start = table.spec.name + "/";
    for (auto name = existing.lower_bound(start);
         name != existing.end() && name->starts_with(start); ++name) {
      if (table.index_numbers.contains(name->substr(start.size()))) continue;
      TRY(connection_.execute(fmt::format("DROP TABLE \"{}\"", *name)));
    }
  }
  return {};
}

Result<void> Schema::rebuild_indexes(std::string_view table_name) {
  const TableInfo* table = TRY(tables_.find(table_name));
  if (TRY(reader_.scan({.table = std::string(table_name), .limit = 1})).rows.empty()) return {};
  if (!table->spec.index_keys) {
    return fail(codes::kInvalid,
                fmt::format("table {} has rows and an index was added, but its TableSpec has no "
                            "index_keys to fill it with",
                            table_name));
  }
  for (const std::string& index : table->spec.indexes) {
    TRY(connection_.execute(fmt::format("DELETE FROM {}", sql_index_name(table_name, index))));
  }
  Statement update = TRY(connection_.prepare(
      fmt::format("UPDATE {} SET index_keys = ?2 WHERE key = ?1", sql_name(table_name))));
  Scan scan{.table = std::string(table_name), .limit = kRebuildPageRows};
  do {
    const Page page = TRY(reader_.scan(scan));
    for (const Row& row : page.rows) {
      const Transaction::IndexKeys keys = TRY(table->spec.index_keys(row.value));
      const std::string text = write_index_keys(keys);
      update.bind(1, row.key);
      update.bind(2, text);
      TRY(update.run());
      for (const auto& [index, index_key] : keys) {
        TRY(tables_.find_index(*table, index));
        Statement insert = TRY(connection_.prepare(
            fmt::format("INSERT OR IGNORE INTO {} (index_key, key) VALUES (?1, ?2)",
                        sql_index_name(table_name, index))));
        insert.bind(1, index_key);
        insert.bind(2, row.key);
        TRY(insert.run());
      }
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  tables_to_rebuild_.erase(std::string(table_name));
  return {};
}

Result<void> Schema::run_migrations(const std::vector<Migration>& migrations, int from_version) {
  for (const Migration& migration : migrations) {
    if (migration.version <= from_version) continue;
    Result<void> ran = migration.run(*this);
    if (!ran) {
      return fail(ran.error().code, fmt::format("migration {} ({}): {}", migration.version,
                                                migration.name, ran.error().message));
    }
  }
  return {};
}

Result<void> Schema::prepare(const std::vector<Migration>& migrations) {
  int newest = 0;
  for (const Migration& migration : migrations) {
    if (migration.version <= newest) {
      return fail(codes::kInvalid, fmt::format("migration {} ({}) is out of order",
                                               migration.version, migration.name));
    }
    newest = migration.version;
  }
  TRY(
      connection_.execute("CREATE TABLE IF NOT EXISTS \"tidemill/meta\" "
                          "(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID"));
  const std::optional<int> layout = TRY(read_version("layout_version"));
  const std::optional<int> version = TRY(read_version("schema_version"));
  if (layout.value_or(0) > kLayoutVersion || version.value_or(0) > newest) {
    return fail(codes::kInvalid,
                fmt::format("the database is of version {}.{}, this program knows up to {}.{}: use "
                            "a newer program, or another data folder",
                            layout.value_or(0), version.value_or(0), kLayoutVersion, newest));
  }
  const std::set<std::string> existing = TRY(names_in_database());
  for (const TableInfo& table : tables_.all()) TRY(create_table(table, existing));
  TRY(drop_undeclared_indexes(existing));
  if (layout) TRY(run_migrations(migrations, version.value_or(0)));
  while (!tables_to_rebuild_.empty()) {
    const std::string table = *tables_to_rebuild_.begin();
    TRY(rebuild_indexes(table));
    tables_to_rebuild_.erase(table);
  }
  if (layout != kLayoutVersion) TRY(write_version("layout_version", kLayoutVersion));
  if (version != newest) TRY(write_version("schema_version", newest));
  return {};
}

}  // namespace

Result<void> prepare_schema(Connection& connection, const Tables& tables,
                            const std::vector<Migration>& migrations) {
  TRY(connection.execute("BEGIN IMMEDIATE"));
  Result<void> prepared = Schema(connection, tables).prepare(migrations);
  if (prepared) prepared = connection.execute("COMMIT");
  if (!prepared && connection.in_transaction()) {
    // Report the first error.
    static_cast<void>(connection.execute("ROLLBACK"));
  }
  return prepared;
}

}  // namespace tidemill::store::sqlite
