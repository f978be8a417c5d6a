#include "services/logs/logs_service.h"

#include "base/arn.h"
#include "base/encoding.h"
#include "services/platform/commits/retry.h"
#include "services/platform/paging/paging.h"

namespace tidemill::services::logs {

namespace errors = api::logs::errors;
namespace operations = api::logs::operations;

namespace {}  // namespace

LogsService::LogsService(store::Store& store, const Clock& clock, Random& random)
    : store_(store), clock_(clock), random_(random) {}

std::vector<store::TableSpec> LogsService::tables() {
  return {groups_table().spec(), streams_table().spec(), events_table().spec(),
          garbage_table().spec()};
}

void LogsService::add_to(Registry& registry) {
  // Adds a handler, wrapped so that errors of the store become the service's own.
  auto add = [&]<class Operation, class Handler>(Operation, Handler handler) {
    registry.add<Operation>(
        [this, handler](
            Context& context,
            const typename Operation::Input& input) -> Result<typename Operation::Output> {
          auto result = (this->*handler)(context, input);
          if (!result) return fail(public_error(std::move(result).error()));
          return result;
        });
  };
  add(operations::CreateLogGroup(), &LogsService::create_log_group);
  add(operations::DeleteLogGroup(), &LogsService::delete_log_group);
  add(operations::DescribeLogGroups(), &LogsService::describe_log_groups);
  add(operations::PutRetentionPolicy(), &LogsService::put_retention_policy);
  add(operations::DeleteRetentionPolicy(), &LogsService::delete_retention_policy);
  add(operations::TagResource(), &LogsService::tag_resource);
  add(operations::UntagResource(), &LogsService::untag_resource);
  add(operations::ListTagsForResource(), &LogsService::list_tags_for_resource);
  add(operations::TagLogGroup(), &LogsService::tag_log_group);
  add(operations::UntagLogGroup(), &LogsService::untag_log_group);
  add(operations::ListTagsLogGroup(), &LogsService::list_tags_log_group);
  add(operations::CreateLogStream(), &LogsService::create_log_stream);
  add(operations::DeleteLogStream(), &LogsService::delete_log_stream);
  add(operations::DescribeLogStreams(), &LogsService::describe_log_streams);
  add(operations::PutLogEvents(), &LogsService::put_log_events);
  add(operations::GetLogEvents(), &LogsService::get_log_events);
  add(operations::FilterLogEvents(), &LogsService::filter_log_events);
}

Error public_error(Error error) {
  if (!error.code.starts_with("Tidemill.")) return error;
  std::string reason = error.code == codes::kConflict      ? "too many writers at once"
                       : error.code == codes::kStorageFull ? "the disk is full"
                                                           : error.message;
  return Error{errors::kServiceUnavailableException,
               "The logs could not be read or written: " + reason + ". Try again later.", 503};
}

std::unexpected<Error> invalid_parameter(std::string message) {
  return fail(errors::kInvalidParameterException, std::move(message));
}

Result<std::string> page_position(const std::optional<std::string>& token) {
  return platform::page_position(token, invalid_parameter("The specified nextToken is invalid."));
}

std::mutex& LogsService::lock_of(std::string_view key) {
  return stream_locks_[std::hash<std::string_view>()(key) % stream_locks_.size()];
}

Result<LogsService::VersionedGroup> LogsService::load_group(std::string_view account,
                                                            std::string_view region,
                                                            std::string_view group) {
  auto found = TRY(groups_table().get(store_, group_key(account, region, group)));
  if (!found)
    return fail(errors::kResourceNotFoundException, "The specified log group does not exist.");
  return std::move(*found);
}

Result<LogsService::VersionedStream> LogsService::load_stream(std::string_view account,
                                                              std::string_view region,
                                                              std::string_view group,
                                                              std::string_view stream) {
  auto found = TRY(streams_table().get(store_, stream_key(account, region, group, stream)));
  if (found) return std::move(*found);
  TRY(load_group(account, region, group));
  return fail(errors::kResourceNotFoundException, "The specified log stream does not exist.");
}

Result<LogsService::Empty> LogsService::change_group(
    const Context& context, std::string_view group,
    const std::function<Result<void>(Group&)>& change) {
  return platform::retry_conflicts([&]() -> Result<Empty> {
    VersionedGroup found = TRY(load_group(context.account(), context.region, group));
    TRY(change(found.record));
    store::Transaction transaction;
    groups_table().put(transaction, group_key(context.account(), context.region, group),
                       found.record, found.version);
    TRY(store_.commit(std::move(transaction)));
    return Empty();
  });
}

Result<std::string> LogsService::group_of_arn(const Context& context,
                                              const std::string& text) const {
  Result<Arn> arn = parse_arn(text);
  constexpr std::string_view kPrefix = "log-group:";
  if (!arn || arn->partition != "aws" || arn->service != "logs" ||
      !arn->resource.starts_with(kPrefix))
    return invalid_parameter("The ARN '" + text + "' does not name a log group.");
  if (arn->region != context.region || arn->account != context.account())
    return fail(errors::kResourceNotFoundException, "The specified log group does not exist.");
  std::string name = arn->resource.substr(kPrefix.size());
  if (name.ends_with(":*")) name.resize(name.size() - 2);
  return name;
}

Result<std::string> LogsService::group_name(const Context& context,
                                            const std::optional<std::string>& name,
                                            const std::optional<std::string>& identifier) const {
  if (name.has_value() == identifier.has_value())
    return invalid_parameter("Exactly one of logGroupName and logGroupIdentifier must be given.");
  if (name) return *name;
  if (identifier->starts_with("arn:")) return group_of_arn(context, *identifier);
  return *identifier;
}

std::int64_t LogsService::kept_from_ms(const Group& group, Timestamp now) {
  if (group.retention_in_days == 0) return 0;
  constexpr std::int64_t kDayMs = 86'400'000;
  return now.microseconds / 1000 - group.retention_in_days * kDayMs;
}

}  // namespace tidemill::services::logs
