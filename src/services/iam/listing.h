// Pages of records in the order of their names, for the Lists that take a path prefix.
#pragma once

#include <utility>

#include "services/iam/entity.h"
#include "services/iam/paging.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

// `make` turns a record into what the List shows; `shown_bytes` says how much text that has
// (kListedBytesMax).
template <class Record, class Request, class Make, class ShownBytes>
auto list_records(State& state, std::string_view account, const Request& request, Make make,
                  ShownBytes shown_bytes)
    -> Result<Slice<decltype(make(std::declval<const Record&>()))>> {
  const std::string path_prefix = request.path_prefix.value_or("/");
  const std::size_t limit = std::size_t(request.max_items.value_or(kPageItems));
  store::Scan scan{.prefix = store::key({account, ""}),
                   .after = TRY(read_marker(request.marker)),
                   .page_bytes_max = kListedBytesMax};
  Slice<decltype(make(std::declval<const Record&>()))> out;
  std::string last;
  std::size_t bytes = 0;
  do {
    auto page = TRY(EntityTraits<Record>::table().scan(state.store(), scan));
    for (const auto& [record, version] : page.records) {
      if (!record.path.starts_with(path_prefix)) continue;
      if (out.items.size() == limit || bytes > kListedBytesMax) {
        out.is_truncated = true;
        out.marker = make_marker(last);
        return out;
      }
      out.items.push_back(make(record));
      bytes += shown_bytes(out.items.back());
      last = entity_key(record.account, record.name);
    }
    scan.after = page.next;
  } while (!scan.after.empty());
  return out;
}

// For records whose answers are small.
template <class Record, class Request, class Make>
auto list_records(State& state, std::string_view account, const Request& request, Make make) {
  return list_records<Record>(state, account, request, make,
                              [](const auto&) { return std::size_t(0); });
}

}  // namespace tidemill::services::iam
