#include "services/s3/tag_source.h"

#include "services/s3/common/records.h"

namespace tidemill::services::s3 {
namespace {

using platform::ResourceTags;

ResourceTags as_map(const std::optional<std::vector<TagRecord>>& tags) {
  ResourceTags out;
  if (tags)
    for (const auto& [key, value] : *tags) out[key] = value;
  return out;
}

Result<ResourceTags> tags_of(store::Store& store, std::string_view text) {
  constexpr std::string_view kPrefix = "arn:aws:s3:::";
  if (!text.starts_with(kPrefix)) return ResourceTags();
  const std::string_view path = text.substr(kPrefix.size());
  const std::size_t slash = path.find('/');
  if (slash == path.npos) {
    auto bucket = TRY(bucket_table().get(store, std::string(path)));
    return bucket ? as_map(bucket->record.tags) : ResourceTags();
  }
  auto object =
      TRY(object_table().get(store, object_row_key(path.substr(0, slash), path.substr(slash + 1))));
  return object ? as_map(object->record.tags) : ResourceTags();
}

}  // namespace

platform::TagSource tag_source(store::Store& store) {
  return [&store](std::string_view arn) { return tags_of(store, arn); };
}

}  // namespace tidemill::services::s3
