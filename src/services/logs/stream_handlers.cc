#include <algorithm>

#include "services/logs/invariants.h"
#include "services/logs/logs_service.h"

namespace tidemill::services::logs {

namespace errors = api::logs::errors;
using namespace api::logs;  // NOLINT: requests and responses

namespace {

constexpr std::int64_t kPageStreamsMax = 50;
constexpr std::size_t kUidDigits = 20;
constexpr int kAttemptsMax = 16;

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
  for (int attempt = 1;; ++attempt) {
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
    Result<void> committed = store_.commit(std::move(transaction));
    if (committed) return Empty();
    if (committed.error().code != codes::kConflict || attempt == kAttemptsMax)
      return fail(std::move(committed).error());
  }
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
      .reverse = request.descending.value_or(false),
      .limit = std::size_t(std::min(request.limit.value_or(kPageStreamsMax), kPageStreamsMax))};
  std::string position = TRY(decode_token(request.next_token));
  (scan.reverse ? scan.before : scan.after) = position;
  auto page = TRY(streams_table().scan(store_, scan));
  DescribeLogStreamsResponse out;
  out.log_streams.emplace();
  for (const VersionedStream& found : page.records) {
    const Stream& stream = found.record;
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
  }
  if (!page.next.empty()) out.next_token = encode_token(page.next);
  return out;
}

Result<void> LogsService::ensure_stream(std::string_view account, std::string_view region,
                                        std::string_view group, std::string_view stream) {
  for (int attempt = 1;; ++attempt) {
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
    Result<void> committed = store_.commit(std::move(transaction));
    if (committed) return {};
    if (committed.error().code != codes::kConflict || attempt == kAttemptsMax)
      return fail(std::move(committed).error());
  }
}

}  // namespace tidemill::services::logs
