// IAM's pages: Marker, MaxItems, IsTruncated.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "services/iam/errors.h"
#include "services/iam/limits.h"
#include "services/platform/paging/paging.h"

namespace tidemill::services::iam {

inline std::string make_marker(std::string_view position) { return platform::page_token(position); }

inline Result<std::string> read_marker(const std::optional<std::string>& marker) {
  return platform::page_position(marker, validation_error("Invalid Marker."));
}

// A page of items that are ordered by `key`.
template <class T>
struct Slice {
  std::vector<T> items;
  std::optional<bool> is_truncated = false;
  std::optional<std::string> marker = {};
};
template <class T, class Key>
Result<Slice<T>> slice(std::vector<T> all, Key key, const std::optional<std::string>& marker,
                       std::optional<std::int64_t> max_items) {
  const std::string after = TRY(read_marker(marker));
  std::ranges::sort(all, {}, key);
  auto begin = after.empty() ? all.begin() : std::ranges::upper_bound(all, after, {}, key);
  const auto limit = std::min<std::ptrdiff_t>(max_items.value_or(kPageItems), all.end() - begin);
  Slice<T> out;
  out.is_truncated = begin + limit != all.end();
  if (*out.is_truncated) out.marker = make_marker(key(*(begin + limit - 1)));
  out.items.assign(std::make_move_iterator(begin), std::make_move_iterator(begin + limit));
  return out;
}

}  // namespace tidemill::services::iam
