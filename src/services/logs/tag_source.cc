#include "services/logs/tag_source.h"

#include <algorithm>

#include "base/arn.h"
#include "services/logs/records.h"

namespace tidemill::services::logs {

platform::TagSource tag_source(store::Store& store) {
  return [&store](std::string_view text) -> Result<platform::ResourceTags> {
    constexpr std::string_view kGroup = "log-group:";
    const Result<Arn> arn = parse_arn(text);
    if (!arn || !arn->resource.starts_with(kGroup)) return platform::ResourceTags();
    std::string name = arn->resource.substr(kGroup.size());
    name.resize(std::min(name.find(':'), name.size()));
    auto group = TRY(groups_table().get(store, group_key(arn->account, arn->region, name)));
    return group ? group->record.tags : platform::ResourceTags();
  };
}

}  // namespace tidemill::services::logs
