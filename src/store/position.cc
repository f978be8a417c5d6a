#include "store/position.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace tidemill::store {

namespace {

using namespace std::string_view_literals;
constexpr std::string_view kTrailerMark = "\0pos"sv;
constexpr std::size_t kTrailerDigits = 8;

bool is_name(std::string_view text) {
  if (text.empty() || text[0] < 'a' || text[0] > 'z') return false;
  for (char c : text) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

// The smallest string above `text`.
std::string successor(std::string text) {
  text += '\0';
  return text;
}

}  // namespace

KeyRange key_range(const Scan& scan) {
  KeyRange range{scan.prefix, prefix_end(scan.prefix)};
  if (!scan.after.empty()) range.lowest = std::max(range.lowest, successor(scan.after));
  if (!scan.before.empty() && (!range.end || scan.before < *range.end)) range.end = scan.before;
  return range;
}

IndexRange index_range(const Scan& scan) {
  IndexRange range{{scan.prefix, ""}, std::nullopt};
  if (std::optional<std::string> end = prefix_end(scan.prefix)) range.end.emplace(*end, "");
  if (!scan.after.empty()) {
    const IndexPosition after = read_index_position(scan.after);
    // A bare index key stands for all its entries.
    range.lowest = std::max(
        range.lowest, after.primary_key
                          ? IndexRange::Position(after.index_key, successor(*after.primary_key))
                          : IndexRange::Position(successor(after.index_key), ""));
  }
  if (!scan.before.empty()) {
    const IndexPosition before = read_index_position(scan.before);
    IndexRange::Position end(before.index_key, before.primary_key.value_or(""));
    if (!range.end || end < *range.end) range.end = std::move(end);
  }
  return range;
}

std::string write_index_position(std::string_view index_key, std::string_view primary_key) {
  std::string text(index_key);
  text += primary_key;
  text += kTrailerMark;
  text += fmt::format("{:08x}", index_key.size());
  return text;
}

IndexPosition read_index_position(std::string_view text) {
  constexpr std::size_t trailer_size = kTrailerMark.size() + kTrailerDigits;
  if (text.size() >= trailer_size) {
    std::string_view trailer = text.substr(text.size() - trailer_size);
    std::string_view body = text.substr(0, text.size() - trailer_size);
    std::size_t index_key_size = 0;
    auto [end, error] = std::from_chars(trailer.data() + kTrailerMark.size(),
                                        trailer.data() + trailer.size(), index_key_size, 16);
    if (trailer.starts_with(kTrailerMark) && error == std::errc() &&
        end == trailer.data() + trailer.size() && index_key_size <= body.size()) {
      return {std::string(body.substr(0, index_key_size)),
              std::string(body.substr(index_key_size))};
    }
  }
  return {std::string(text), std::nullopt};
}

std::optional<std::string> prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (end.empty()) return std::nullopt;
  end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

Result<void> check_scan(const Scan& scan) {
  if (scan.limit == 0 || scan.limit > kScanLimitMax) {
    return fail(codes::kInvalid, fmt::format("a scan of table {} asks for {} rows; from 1 to {} "
                                             "are possible",
                                             scan.table, scan.limit, kScanLimitMax));
  }
  return {};
}

Result<void> check_tables(const std::vector<TableSpec>& tables) {
  std::set<std::string> names;
  for (const TableSpec& table : tables) {
    if (!is_name(table.name)) {
      return fail(codes::kInvalid, fmt::format("'{}' is not a valid table name", table.name));
    }
    if (!names.insert(table.name).second) {
      return fail(codes::kInvalid, fmt::format("table {} is declared twice", table.name));
    }
    std::set<std::string> indexes;
    for (const std::string& index : table.indexes) {
      if (!is_name(index) || !indexes.insert(index).second) {
        return fail(codes::kInvalid,
                    fmt::format("table {}: '{}' is not a valid index name, or is declared twice",
                                table.name, index));
      }
    }
  }
  return {};
}

}  // namespace tidemill::store
