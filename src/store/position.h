// The position of a scan, shared by the implementations of Store.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "store/store.h"

namespace tidemill::store {

// A bound of an index scan: a page's `next` (index key and primary key), or a bare index key.
struct IndexPosition {
  std::string index_key;
  std::optional<std::string> primary_key;
};

// The text of Page::next for an index scan. A trailer distinguishes it from bare index keys.
std::string write_index_position(std::string_view index_key, std::string_view primary_key);
IndexPosition read_index_position(std::string_view text);

// The range of a scan, lowest <= position < end: primary keys or (index key, primary key).
struct KeyRange {
  std::string lowest;
  std::optional<std::string> end;  // nullopt: no bound
};
struct IndexRange {
  using Position = std::pair<std::string, std::string>;
  Position lowest;
  std::optional<Position> end;
};
KeyRange key_range(const Scan& scan);
IndexRange index_range(const Scan& scan);

// The smallest string above all strings that start with `prefix`; nullopt when there is none.
std::optional<std::string> prefix_end(std::string_view prefix);

// Tidemill.Invalid unless the limit is from 1 to kScanLimitMax.
Result<void> check_scan(const Scan& scan);
// Tidemill.Invalid unless names are [a-z][a-z0-9_]* and unique.
Result<void> check_tables(const std::vector<TableSpec>& tables);

}  // namespace tidemill::store
