#include "store/sqlite/tables.h"

#include <fmt/format.h>

#include <charconv>

namespace tidemill::store::sqlite {

Tables::Tables(std::vector<TableSpec> specs) {
  for (TableSpec& spec : specs) {
    TableInfo info;
    info.number = tables_.size();
    for (const std::string& index : spec.indexes) info.index_numbers[index] = index_count_++;
    info.spec = std::move(spec);
    numbers_[info.spec.name] = info.number;
    tables_.push_back(std::move(info));
  }
}

Result<const TableInfo*> Tables::find(std::string_view table) const {
  const auto number = numbers_.find(table);
  if (number == numbers_.end()) {
    return fail(codes::kInvalid, fmt::format("there is no table {}", table));
  }
  return &tables_[number->second];
}

Result<std::size_t> Tables::find_index(const TableInfo& table, std::string_view index) const {
  const auto number = table.index_numbers.find(index);
  if (number == table.index_numbers.end()) {
    return fail(codes::kInvalid, fmt::format("table {} has no index {}", table.spec.name, index));
  }
  return number->second;
}

// Names are [a-z][a-z0-9_]*, checked at opening: they need no escaping.
std::string sql_name(std::string_view table) { return fmt::format("\"{}\"", table); }
std::string sql_index_name(std::string_view table, std::string_view index) {
  return fmt::format("\"{}/{}\"", table, index);
}

std::string write_index_keys(const Transaction::IndexKeys& keys) {
  std::string text;
  for (const auto& [index, key] : keys) {
    text += index;
    text += ' ';
    text += std::to_string(key.size());
    text += ':';
    text += key;
    text += ',';
  }
  return text;
}

Result<Transaction::IndexKeys> read_index_keys(std::string_view text) {
  Transaction::IndexKeys keys;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const std::size_t colon = space == text.npos ? text.npos : text.find(':', space);
    std::size_t size = 0;
    if (colon == text.npos ||
        std::from_chars(text.data() + space + 1, text.data() + colon, size).ec != std::errc() ||
        size >= text.size() - colon - 1) {
      return fail(codes::kCorrupt, "a row's index_keys column is malformed");
    }
    keys.emplace_back(text.substr(0, space), text.substr(colon + 1, size));
    text.remove_prefix(colon + 1 + size + 1);
  }
  return keys;
}

}  // namespace tidemill::store::sqlite
