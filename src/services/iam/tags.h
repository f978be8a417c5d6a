// Tags of roles, users, policies and instance profiles.
#pragma once

#include <optional>
#include <vector>

#include "api/iam/shared.h"
#include "base/error.h"
#include "services/iam/paging.h"
#include "services/iam/state.h"

namespace tidemill::services::iam {

// Adds or replaces; LimitExceeded, and InvalidInput for a key that comes twice.
Result<void> merge_tags(const std::vector<api::iam::Tag>& tags, std::vector<TagRecord>& out);
// IAM compares the keys of tags without regard to case.
void remove_tags(const std::vector<std::string>& keys, std::vector<TagRecord>& out);
std::vector<api::iam::Tag> api_tags(const std::vector<TagRecord>& tags);

template <class Record>
Result<api::Empty> tag_record(State& state, const Context& context, const std::string& name,
                              const std::vector<api::iam::Tag>& tags) {
  TRY(state.update<Record>(context.account(), name, [&](Record& record, store::Transaction&) {
    return merge_tags(tags, record.tags);
  }));
  return api::Empty{};
}

template <class Record>
Result<api::Empty> untag_record(State& state, const Context& context, const std::string& name,
                                const std::vector<std::string>& keys) {
  TRY(state.update<Record>(context.account(), name,
                           [&](Record& record, store::Transaction&) -> Result<void> {
                             remove_tags(keys, record.tags);
                             return {};
                           }));
  return api::Empty{};
}

// One page, in the form of the List's output.
template <class Output, class Request>
Result<Output> list_tags(const std::vector<TagRecord>& tags, const Request& request) {
  auto page = TRY(slice(
      api_tags(tags), [](const api::iam::Tag& tag) { return tag.key; }, request.marker,
      request.max_items));
  Output out;
  out.tags = std::move(page.items);
  out.is_truncated = page.is_truncated;
  out.marker = std::move(page.marker);
  return out;
}

}  // namespace tidemill::services::iam
