#include "server/tag_sources.h"

#include "base/arn.h"
#include "services/logs/records.h"
#include "services/s3/common/records.h"
#include "services/sagemaker/common/tags/tags.h"

namespace tidemill::server {
namespace {

using Tags = std::map<std::string, std::string>;

Tags as_map(const std::optional<std::vector<services::s3::TagRecord>>& tags) {
  Tags out;
  if (tags)
    for (const auto& [key, value] : *tags) out[key] = value;
  return out;
}

// "arn:aws:s3:::bucket" or "arn:aws:s3:::bucket/key"
Result<Tags> s3_tags(store::Store& store, std::string_view text) {
  constexpr std::string_view kPrefix = "arn:aws:s3:::";
  if (!text.starts_with(kPrefix)) return Tags();
  const std::string_view path = text.substr(kPrefix.size());
  const std::size_t slash = path.find('/');
  if (slash == path.npos) {
    auto bucket = TRY(services::s3::bucket_table().get(store, std::string(path)));
    return bucket ? as_map(bucket->record.tags) : Tags();
  }
  auto object = TRY(services::s3::object_table().get(
      store, services::s3::object_row_key(path.substr(0, slash), path.substr(slash + 1))));
  return object ? as_map(object->record.tags) : Tags();
}

Result<Tags> logs_tags(store::Store& store, std::string_view text) {
  constexpr std::string_view kGroup = "log-group:";
  const Result<Arn> arn = parse_arn(text);
  if (!arn || !arn->resource.starts_with(kGroup)) return Tags();
  std::string name = arn->resource.substr(kGroup.size());
  name.resize(std::min(name.find(':'), name.size()));
  auto group = TRY(services::logs::groups_table().get(
      store, services::logs::group_key(arn->account, arn->region, name)));
  return group ? group->record.tags : Tags();
}

}  // namespace

services::iam::TagSources tag_sources(store::Store& store) {
  services::iam::TagSources sources;
  sources["s3"] = [&store](std::string_view arn) { return s3_tags(store, arn); };
  sources["logs"] = [&store](std::string_view arn) { return logs_tags(store, arn); };
  sources["sagemaker"] = [&store](std::string_view arn) -> Result<Tags> {
    auto found = TRY(services::sagemaker::resource_tags().get(store, std::string(arn)));
    return found ? found->record.tags : Tags();
  };
  return sources;
}

}  // namespace tidemill::server
