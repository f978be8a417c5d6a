#include "services/iam/tags.h"

#include <algorithm>
#include <set>

#include "services/iam/errors.h"
#include "services/iam/limits.h"
#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {

Result<void> merge_tags(const std::vector<api::iam::Tag>& tags, std::vector<TagRecord>& out) {
  std::set<std::string> seen;
  for (const api::iam::Tag& tag : tags) {
    const std::string lower = ascii_lower(tag.key);
    if (!seen.insert(lower).second)
      return fail("InvalidInput",
                  "Duplicate tag keys found. Please note that Tag keys are case insensitive.", 400);
    if (lower.starts_with("aws:"))
      return validation_error("The tag key '" + tag.key +
                              "' begins with the reserved aws: prefix.");
    auto existing = std::ranges::find_if(
        out, [&](const TagRecord& record) { return ascii_lower(record.key) == lower; });
    if (existing != out.end())
      *existing = {tag.key, tag.value};
    else
      out.push_back({tag.key, tag.value});
  }
  if (out.size() > kTagsMax)
    return limit_exceeded("The number of tags has reached the maximum limit of " +
                          std::to_string(kTagsMax) + ".");
  return {};
}

void remove_tags(const std::vector<std::string>& keys, std::vector<TagRecord>& out) {
  std::erase_if(out, [&](const TagRecord& tag) {
    return std::ranges::any_of(
        keys, [&](const std::string& key) { return ascii_lower(key) == ascii_lower(tag.key); });
  });
}

std::vector<api::iam::Tag> api_tags(const std::vector<TagRecord>& tags) {
  std::vector<api::iam::Tag> out;
  out.reserve(tags.size());
  for (const TagRecord& tag : tags) out.push_back({tag.key, tag.value});
  return out;
}

}  // namespace tidemill::services::iam
