#include <algorithm>

#include "services/logs/invariants.h"
#include "services/logs/logs_service.h"
#include "services/platform/commits/retry.h"
#include "services/platform/paging/paging.h"

namespace tidemill::services::logs {

namespace errors = api::logs::errors;
using namespace api::logs;  // NOLINT: requests and responses

namespace {

constexpr std::int64_t kPageStreamsMax = 50;
constexpr std::size_t kUidDigits = 20;

}  // namespace

Stream LogsService::new_stream(std::string_view account, std::string_view region,
                               std::string_view group, std::string_view name) {
  return {.account = std::string(account),
          .region = std::string(region),
          .group = std::string(group),
          .name = std::string(name),
          .uid = make_token(random_, kUidDigits, "0123456789"),
          .created = clock_.now(),
          .in_order = true};
}

Result<LogsService::Empty> LogsService::create_log_stream(Context& context,
                                                          const CreateLogStreamRequest& request) {
  return platform::retry_conflicts([&]() -> Result<Empty> {
    VersionedGroup group =
        TRY(load_group(context.account(), context.region, request.log_group_name));
    std::string key = stream_key(context.account(), context.region, request.log_group_name,
                                 request.log_stream_name);
    auto found = TRY(streams_table().get(store_, key));
    if (found)
      return fail(errors::kResourceAlreadyExistsException,
                  "The specified log stream already exists");
    store::Transaction transaction;
    transaction.expect(groups_table().name(),
                       group_key(context.account(), context.region, request.log_group_name),
                       group.version);
    const Stream made = new_stream(context.account(), context.region, request.log_group_name,
                                   request.log_stream_name);
    streams_table().put(transaction, key, made, 0);
    TRY(store_.commit(std::move(transaction)));
    return Empty();
  });
}

Result<LogsService::Empty> LogsService::delete_log_stream(Context& context,
                                                          const DeleteLogStreamRequest& request) {
  VersionedStream found = TRY(load_stream(context.account(), context.region, request.log_group_name,
                                          request.log_stream_name));
  store::Transaction transaction;
  streams_table().erase(transaction,
                        stream_key(context.account(), context.region, request.log_group_name,
                                   request.log_stream_name),
                        std::nullopt);
  garbage_table().put(transaction, found.record.uid, {found.record.uid}, std::nullopt);
  TRY(store_.commit(std::move(transaction)));
  return Empty();
}

Result<DescribeLogStreamsResponse> LogsService::describe_log_streams(
    Context& context, const DescribeLogStreamsRequest& request) {
  std::string group =
      TRY(group_name(context, request.log_group_name, request.log_group_identifier));
  TRY(load_group(context.account(), context.region, group));
  bool by_time = request.order_by == order_by::kLastEventTime;
  std::string name_prefix = request.log_stream_name_prefix.value_or("");
  if (by_time && !name_prefix.empty())
    return invalid_parameter("Cannot order by LastEventTime with a logStreamNamePrefix.");
  store::Scan scan{
      .index = by_time ? "by_last_event" : "",
      .prefix = store::key({context.account(), context.region, group, by_time ? "" : name_prefix}),
      .reverse = request.descending.value_or(false)};
  DescribeLogStreamsResponse out;
  out.log_streams.emplace();
  const auto show = [&out](const Stream& stream) {
    api::logs::LogStream& shown = out.log_streams->emplace_back();
    shown.log_stream_name = stream.name;
    shown.creation_time = stream.created.microseconds / 1000;
    shown.first_event_timestamp = stream.first_event_ms;
    shown.last_event_timestamp = stream.last_event_ms;
    shown.last_ingestion_time = stream.last_ingestion_ms;
    // Since 2023 AWS ignores these tokens but still returns them.
    shown.upload_sequence_token = stream.uid + ordered(stream.next_row);
    shown.arn = stream_arn(stream);
    shown.stored_bytes = 0;  // as in AWS since 2019
    return true;
  };
  const auto limit =
      std::size_t(std::min(request.limit.value_or(kPageStreamsMax), kPageStreamsMax));
  std::string position = TRY(page_position(request.next_token));
  const std::string next = TRY(platform::fill_page(
      store_, streams_table(), std::move(scan), std::move(position), {.items_max = limit}, show));
  if (!next.empty()) out.next_token = platform::page_token(next);
  return out;
}

Result<void> LogsService::ensure_stream(std::string_view account, std::string_view region,
                                        std::string_view group, std::string_view stream) {
  return platform::retry_conflicts([&]() -> Result<void> {
    store::Transaction transaction;
    std::string this_group = group_key(account, region, group);
    auto found_group = TRY(groups_table().get(store_, this_group));
    if (found_group) {
      transaction.expect(groups_table().name(), this_group, found_group->version);
    } else {
      Group made{.account = std::string(account),
                 .region = std::string(region),
                 .name = std::string(group),
                 .created = clock_.now()};
      groups_table().put(transaction, this_group, made, 0);
    }
    std::string this_stream = stream_key(account, region, group, stream);
    auto found_stream = TRY(streams_table().get(store_, this_stream));
    if (found_stream) return {};
    const Stream made = new_stream(account, region, group, stream);
    streams_table().put(transaction, this_stream, made, 0);
    return store_.commit(std::move(transaction));
  });
}

}  // namespace tidemill::services::logs
