// The common part of List operations of named resources: order, filters and pages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/clock.h"
#include "services/platform/paging/paging.h"
#include "store/table.h"

namespace tidemill::services::sagemaker {

inline constexpr std::int64_t kListPageDefault = 10;
// Bytes of records that a List holds at once. A record can have 100 KB, but its summary is small.
inline constexpr std::size_t kListedBytesMax = 1u << 20;

// Turns codes of the lower layers into SageMaker's, once a handler has mapped its own codes.
std::unexpected<Error> internal_failure(const Error& error);

// The common members of SageMaker's List requests.
struct ListRequest {
  std::string account, region;
  // By Name, CreationTime (default) or Status; "Ascending" or "Descending" (default).
  std::string sort_by, sort_order;
  std::optional<std::string> next_token;
  std::optional<std::int64_t> max_results;
};

template <class Input>
ListRequest list_request(const std::string& account, const std::string& region,
                         const Input& input) {
  return {account,
          region,
          input.sort_by.value_or("CreationTime"),
          input.sort_order.value_or("Descending"),
          input.next_token,
          input.max_results};
}

// The filters of every List; bounds are exclusive, as in SageMaker.
template <class Input>
bool passes_filters(const Input& input, const std::string& name, Timestamp created) {
  if (input.name_contains && name.find(*input.name_contains) == std::string::npos) return false;
  if (input.creation_time_after && created <= *input.creation_time_after) return false;
  return !input.creation_time_before || created < *input.creation_time_before;
}

// Additional filters for lists of resources that change and have a status.
template <class Input>
bool passes_filters(const Input& input, const std::string& name, Timestamp created,
                    Timestamp modified, const std::string& status) {
  if (input.status_equals && status != *input.status_equals) return false;
  if (input.last_modified_time_after && modified <= *input.last_modified_time_after) return false;
  if (input.last_modified_time_before && modified >= *input.last_modified_time_before) return false;
  return passes_filters(input, name, created);
}

// Index keys that order by creation time, then by name.
std::string creation_index_key(std::string_view account, std::string_view region, Timestamp created,
                               std::string_view name);

template <class Summary>
struct Listed {
  std::vector<Summary> items;
  std::optional<std::string> next_token;
};

// `keep` says whether a record passes the request's filters; `show` makes its entry in the answer.
// The table needs an index "by_created" (creation_index_key) and, for Status, "by_status" (account,
// region, status, name); its primary key is (account, region, name).
template <class Record, class Keep, class Show>
auto list_page(store::Store& store, const store::Table<Record>& table, const ListRequest& request,
               Keep keep, Show show) -> Result<Listed<std::invoke_result_t<Show, const Record&>>> {
  store::Scan scan;
  scan.page_bytes_max = kListedBytesMax;
  if (request.sort_by == "CreationTime") scan.index = "by_created";
  if (request.sort_by == "Status") scan.index = "by_status";
  scan.prefix = store::key({request.account, request.region, ""});
  scan.reverse = request.sort_order == "Descending";
  std::string position = TRY(platform::page_position(
      request.next_token,
      fail("ValidationException", "The NextToken is not one that this operation returned.")));
  Listed<std::invoke_result_t<Show, const Record&>> out;
  Result<std::string> next = platform::fill_page(
      store, table, std::move(scan), std::move(position),
      {.items_max = std::size_t(request.max_results.value_or(kListPageDefault))},
      [&](const Record& record) {
        if (!keep(record)) return false;
        out.items.push_back(show(record));
        return true;
      });
  if (!next) return internal_failure(next.error());
  if (!next->empty()) out.next_token = platform::page_token(*next);
  return out;
}

}  // namespace tidemill::services::sagemaker
