// Pages of List operations: opaque tokens, and the loop that fills a page from the store.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "store/table.h"

namespace tidemill::services::platform {

// Records that one call examines to find those that pass its filters. Beyond it the page ends early
// with a token, as AWS's pages may.
inline constexpr std::size_t kPageScannedMax = 20'000;

// The token (NextToken, Marker) of the page that begins after `position`, which must not be empty.
std::string page_token(std::string_view position);
// The position in the token; "" without a token. Fails with `refusal`, the service's own error, for
// a token that no page_token() made.
Result<std::string> page_position(const std::optional<std::string>& token,
                                  const std::unexpected<Error>& refusal);

struct PageLimits {
  std::size_t items_max;
  std::size_t scanned_max = kPageScannedMax;
};

// Scans the table from `position`, the one after the last page, and calls `take` for each record
// until that returned true `items_max` times. Returns the position of the next page; "" at the end.
template <class Record, class Take>
Result<std::string> fill_page(store::Store& store, const store::Table<Record>& table,
                              store::Scan scan, std::string position, PageLimits limits,
                              Take take) {
  std::size_t taken = 0, scanned = 0;
  while (true) {
    // Never more than still fit, so that the scan's position is that of the last record taken.
    scan.limit = limits.items_max - taken;
    (scan.reverse ? scan.before : scan.after) = std::move(position);
    store::RecordPage<Record> page = TRY(table.scan(store, scan));
    for (const store::Versioned<Record>& found : page.records)
      if (take(found.record)) ++taken;
    // Damaged records are left out of a page, so a page may be empty.
    scanned += std::max<std::size_t>(page.records.size(), 1);
    position = std::move(page.next);
    if (position.empty() || taken >= limits.items_max || scanned >= limits.scanned_max)
      return position;
  }
}

}  // namespace tidemill::services::platform
