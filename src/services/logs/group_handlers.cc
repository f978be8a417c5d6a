#include <algorithm>

#include "services/logs/logs_service.h"
#include "services/platform/paging/paging.h"

namespace tidemill::services::logs {

namespace errors = api::logs::errors;
using namespace api::logs;  // NOLINT: requests and responses

namespace {

constexpr std::int64_t kPageGroupsMax = 50;
constexpr std::size_t kEraseBatchStreams = 500;
// The values that AWS accepts, from the API reference of PutRetentionPolicy.
constexpr std::int64_t kRetentionDays[] = {1,    3,    5,    7,    14,   30,  60,  90,
                                           120,  150,  180,  365,  400,  545, 731, 1096,
                                           1827, 2192, 2557, 2922, 3288, 3653};

api::logs::LogGroup describe(const Group& group) {
  api::logs::LogGroup out;
  out.log_group_name = group.name;
  out.creation_time = group.created.microseconds / 1000;
  if (group.retention_in_days != 0) out.retention_in_days = group.retention_in_days;
  out.metric_filter_count = 0;
  out.arn = group_arn(group) + ":*";
  out.log_group_arn = group_arn(group);
  out.stored_bytes = group.stored_bytes;
  out.kms_key_id = group.kms_key_id;
  out.log_group_class = group.log_group_class;
  if (group.deletion_protection) out.deletion_protection_enabled = true;
  return out;
}

bool wanted(const Group& group, const DescribeLogGroupsRequest& request) {
  if (request.log_group_name_pattern &&
      group.name.find(*request.log_group_name_pattern) == std::string::npos)
    return false;
  if (request.log_group_class && group.log_group_class != *request.log_group_class) return false;
  if (!request.log_group_identifiers) return true;
  std::string arn = group_arn(group);
  return std::ranges::any_of(*request.log_group_identifiers, [&](const std::string& identifier) {
    return identifier == group.name || identifier == arn || identifier == arn + ":*";
  });
}

}  // namespace

Result<LogsService::Empty> LogsService::create_log_group(Context& context,
                                                         const CreateLogGroupRequest& request) {
  Group group{.account = context.account(),
              .region = context.region,
              .name = request.log_group_name,
              .created = clock_.now(),
              .kms_key_id = request.kms_key_id,
              .log_group_class = request.log_group_class.value_or("STANDARD"),
              .deletion_protection = request.deletion_protection_enabled.value_or(false)};
  if (request.tags) group.tags = *request.tags;
  store::Transaction transaction;
  groups_table().put(transaction, group_key(group.account, group.region, group.name), group, 0);
  Result<void> committed = store_.commit(std::move(transaction));
  if (!committed && committed.error().code == codes::kConflict)
    return fail(errors::kResourceAlreadyExistsException, "The specified log group already exists");
  if (!committed) return fail(std::move(committed).error());
  return Empty();
}

// Uses several transactions when there are many streams. A crash between them leaves a smaller
// group, but never events without a stream.
Result<void> LogsService::erase_streams(const Group& group) {
  std::string prefix = store::key({group.account, group.region, group.name, ""});
  while (true) {
    auto page = TRY(streams_table().scan(store_, {.prefix = prefix, .limit = kEraseBatchStreams}));
    if (page.records.empty()) return {};
    store::Transaction transaction;
    for (const VersionedStream& stream : page.records) {
      streams_table().erase(transaction,
                            stream_key(group.account, group.region, group.name, stream.record.name),
                            std::nullopt);
      garbage_table().put(transaction, stream.record.uid, {stream.record.uid}, std::nullopt);
    }
    TRY(store_.commit(std::move(transaction)));
  }
}

Result<LogsService::Empty> LogsService::delete_log_group(Context& context,
                                                         const DeleteLogGroupRequest& request) {
  VersionedGroup found = TRY(load_group(context.account(), context.region, request.log_group_name));
  if (found.record.deletion_protection)
    return fail(errors::kValidationException,
                "The log group '" + request.log_group_name +
                    "' is protected from deletion. Switch its deletion protection off first.");
  TRY(erase_streams(found.record));
  store::Transaction transaction;
  groups_table().erase(transaction,
                       group_key(context.account(), context.region, request.log_group_name),
                       std::nullopt);
  TRY(store_.commit(std::move(transaction)));
  // Erases streams created between the two steps; from now on none can be created.
  TRY(erase_streams(found.record));
  return Empty();
}

Result<DescribeLogGroupsResponse> LogsService::describe_log_groups(
    Context& context, const DescribeLogGroupsRequest& request) {
  if (request.log_group_name_prefix && request.log_group_name_pattern)
    return invalid_parameter(
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
  auto limit = std::size_t(std::min(request.limit.value_or(kPageGroupsMax), kPageGroupsMax));
  DescribeLogGroupsResponse out;
  out.log_groups.emplace();
  store::Scan scan{.prefix = store::key({context.account(), context.region,
                                         request.log_group_name_prefix.value_or("")})};
  std::string position = TRY(page_position(request.next_token));
  const std::string next =
      TRY(platform::fill_page(store_, groups_table(), std::move(scan), std::move(position),
                              {.items_max = limit}, [&](const Group& group) {
                                if (!wanted(group, request)) return false;
                                out.log_groups->push_back(describe(group));
                                return true;
                              }));
  if (!next.empty()) out.next_token = platform::page_token(next);
  return out;
}

Result<LogsService::Empty> LogsService::put_retention_policy(
    Context& context, const PutRetentionPolicyRequest& request) {
  if (std::ranges::find(kRetentionDays, request.retention_in_days) == std::end(kRetentionDays)) {
    std::string days;
    for (std::int64_t each : kRetentionDays)
      days += (days.empty() ? "" : ", ") + std::to_string(each);
    return invalid_parameter("1 validation error detected: Value '" +
                             std::to_string(request.retention_in_days) +
                             "' at 'retentionInDays' failed to satisfy constraint: Member must "
                             "satisfy enum value set: [" +
                             days + "]");
  }
  return change_group(context, request.log_group_name, [&](Group& group) -> Result<void> {
    group.retention_in_days = request.retention_in_days;
    return {};
  });
}

Result<LogsService::Empty> LogsService::delete_retention_policy(
    Context& context, const DeleteRetentionPolicyRequest& request) {
  return change_group(context, request.log_group_name, [](Group& group) -> Result<void> {
    group.retention_in_days = 0;
    return {};
  });
}

}  // namespace tidemill::services::logs
