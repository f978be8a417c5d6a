#include "services/logs/logs_service.h"

namespace tidemill::services::logs {

namespace errors = api::logs::errors;
using namespace api::logs;  // NOLINT: requests and responses

namespace {

Result<void> add_tags(Group& group, const std::map<std::string, std::string>& tags) {
  for (const auto& [key, value] : tags) group.tags[key] = value;
  if (group.tags.size() > group_tags_max)
    return fail(errors::kTooManyTagsException,
                "A log group has at most " + std::to_string(group_tags_max) + " tags.");
  return {};
}

Result<void> remove_tags(Group& group, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) group.tags.erase(key);
  return {};
}

}  // namespace

Result<LogsService::Empty> LogsService::tag_resource(Context& context,
                                                     const TagResourceRequest& request) {
  std::string name = TRY(group_of_arn(context, request.resource_arn));
  return change_group(context, name, [&](Group& group) { return add_tags(group, request.tags); });
}

Result<LogsService::Empty> LogsService::untag_resource(Context& context,
                                                       const UntagResourceRequest& request) {
  std::string name = TRY(group_of_arn(context, request.resource_arn));
  return change_group(context, name,
                      [&](Group& group) { return remove_tags(group, request.tag_keys); });
}

Result<ListTagsForResourceResponse> LogsService::list_tags_for_resource(
    Context& context, const ListTagsForResourceRequest& request) {
  std::string name = TRY(group_of_arn(context, request.resource_arn));
  VersionedGroup found = TRY(load_group(context.account(), context.region, name));
  ListTagsForResourceResponse out;
  out.tags = found.record.tags;
  return out;
}

Result<LogsService::Empty> LogsService::tag_log_group(Context& context,
                                                      const TagLogGroupRequest& request) {
  return change_group(context, request.log_group_name,
                      [&](Group& group) { return add_tags(group, request.tags); });
}

Result<LogsService::Empty> LogsService::untag_log_group(Context& context,
                                                        const UntagLogGroupRequest& request) {
  return change_group(context, request.log_group_name,
                      [&](Group& group) { return remove_tags(group, request.tags); });
}

Result<ListTagsLogGroupResponse> LogsService::list_tags_log_group(
    Context& context, const ListTagsLogGroupRequest& request) {
  VersionedGroup found = TRY(load_group(context.account(), context.region, request.log_group_name));
  ListTagsLogGroupResponse out;
  out.tags = found.record.tags;
  return out;
}

}  // namespace tidemill::services::logs
