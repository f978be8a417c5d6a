// Tags of buckets and objects.
#pragma once

#include <string_view>
#include <vector>

#include "api/s3/shared.h"
#include "services/s3/common/limits.h"
#include "services/s3/common/records.h"

namespace tidemill::services::s3 {

// InvalidTag; BadRequest when there are more than `count_max`.
Result<std::vector<TagRecord>> check_tags(const std::vector<tidemill::api::s3::Tag>& tags,
                                          std::size_t count_max);
// "a=1&b=2", the x-amz-tagging header. InvalidArgument when it is no query string.
Result<std::vector<TagRecord>> parse_tagging_header(std::string_view text);
std::vector<tidemill::api::s3::Tag> to_tags(const std::optional<std::vector<TagRecord>>& tags);

}  // namespace tidemill::services::s3
