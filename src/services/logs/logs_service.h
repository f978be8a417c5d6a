// CloudWatch Logs: log groups, streams, events, retention and tags.
#pragma once

#include <array>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "api/logs/events.h"
#include "api/logs/group.h"
#include "api/logs/stream.h"
#include "base/clock.h"
#include "base/random.h"
#include "services/logs/event_cursor.h"
#include "services/logs/event_store.h"
#include "services/logs/interface.h"
#include "services/logs/records.h"
#include "services/platform/handlers/handlers.h"
#include "store/store.h"

namespace tidemill::services::logs {

inline constexpr std::size_t put_bytes_max = 1'048'576;
inline constexpr std::size_t page_bytes_max = 1'048'576;
inline constexpr std::int64_t page_events_max = 10'000;
inline constexpr std::size_t group_tags_max = 50;
// FilterLogEvents: streams searched by a call; larger groups need a prefix or stream names.
inline constexpr std::size_t filter_streams_max = 10'000;
// FilterLogEvents: events examined by a call; beyond that, the page ends early with a token.
inline constexpr std::size_t filter_scanned_events_max = 200'000;
// FilterLogEvents: store scans of a call, since cursors over many dense streams reread often.
inline constexpr std::size_t filter_loads_max = 30'000;

// Thread-safe.
class LogsService final : public LogsInterface {
 public:
  LogsService(store::Store& store, const Clock& clock, Random& random);

  static std::vector<store::TableSpec> tables();
  void add_to(Registry& registry);

  Result<void> append(std::string_view account, std::string_view region, std::string_view group,
                      std::string_view stream, std::vector<LogEvent> events) override;
  Result<std::vector<LogEvent>> tail(std::string_view account, std::string_view region,
                                     std::string_view group, std::string_view stream,
                                     std::size_t limit) override;

  // Deletes events past their group's retention and events of deleted streams, at most `rows_max`
  // rows, updates the groups' sizes, and returns the number of deleted rows. To be called every
  // few minutes by one thread. `now` must be a wall-clock time known to be right (AgeClock):
  // deleting cannot be undone, while events that readers hide after a jump of the clock come
  // back.
  Result<std::size_t> sweep(Timestamp now, std::size_t rows_max = 50'000);

  // Handlers. The Context's account and region own the groups.
  using Empty = api::Empty;
  Result<Empty> create_log_group(Context&, const api::logs::CreateLogGroupRequest&);
  Result<Empty> delete_log_group(Context&, const api::logs::DeleteLogGroupRequest&);
  Result<api::logs::DescribeLogGroupsResponse> describe_log_groups(
      Context&, const api::logs::DescribeLogGroupsRequest&);
  Result<Empty> put_retention_policy(Context&, const api::logs::PutRetentionPolicyRequest&);
  Result<Empty> delete_retention_policy(Context&, const api::logs::DeleteRetentionPolicyRequest&);

  Result<Empty> tag_resource(Context&, const api::logs::TagResourceRequest&);
  Result<Empty> untag_resource(Context&, const api::logs::UntagResourceRequest&);
  Result<api::logs::ListTagsForResourceResponse> list_tags_for_resource(
      Context&, const api::logs::ListTagsForResourceRequest&);
  Result<Empty> tag_log_group(Context&, const api::logs::TagLogGroupRequest&);
  Result<Empty> untag_log_group(Context&, const api::logs::UntagLogGroupRequest&);
  Result<api::logs::ListTagsLogGroupResponse> list_tags_log_group(
      Context&, const api::logs::ListTagsLogGroupRequest&);

  Result<Empty> create_log_stream(Context&, const api::logs::CreateLogStreamRequest&);
  Result<Empty> delete_log_stream(Context&, const api::logs::DeleteLogStreamRequest&);
  Result<api::logs::DescribeLogStreamsResponse> describe_log_streams(
      Context&, const api::logs::DescribeLogStreamsRequest&);

  Result<api::logs::PutLogEventsResponse> put_log_events(Context&,
                                                         const api::logs::PutLogEventsRequest&);
  Result<api::logs::GetLogEventsResponse> get_log_events(Context&,
                                                         const api::logs::GetLogEventsRequest&);
  Result<api::logs::FilterLogEventsResponse> filter_log_events(
      Context&, const api::logs::FilterLogEventsRequest&);

 private:
  using VersionedGroup = store::Versioned<Group>;
  using VersionedStream = store::Versioned<Stream>;

  // ResourceNotFoundException when the group does not exist.
  Result<VersionedGroup> load_group(std::string_view account, std::string_view region,
                                    std::string_view group);
  Result<VersionedStream> load_stream(std::string_view account, std::string_view region,
                                      std::string_view group, std::string_view stream);
  // Loads, changes and stores a group; starts over when another writer was faster.
  Result<Empty> change_group(const Context& context, std::string_view group,
                             const std::function<Result<void>(Group&)>& change);
  // The group's name from logGroupName or from logGroupIdentifier (a name or an ARN).
  Result<std::string> group_name(const Context& context, const std::optional<std::string>& name,
                                 const std::optional<std::string>& identifier) const;
  Result<std::string> group_of_arn(const Context& context, const std::string& arn) const;

  Stream new_stream(std::string_view account, std::string_view region, std::string_view group,
                    std::string_view name);
  Result<void> ensure_stream(std::string_view account, std::string_view region,
                             std::string_view group, std::string_view stream);
  // Appends events to a stream that must exist.
  Result<void> append_existing(std::string_view account, std::string_view region,
                               std::string_view group, std::string_view stream,
                               const std::vector<LogEvent>& events);
  Result<void> erase_streams(const Group& group);
  // The earliest time whose events are kept; 0 without retention.
  static std::int64_t kept_from_ms(const Group& group, Timestamp now);
  Result<std::vector<Stream>> streams_to_filter(const Context& context, const std::string& group,
                                                const api::logs::FilterLogEventsRequest& request);
  Result<std::size_t> sweep_group(const Group& group, Timestamp now, std::size_t rows_max);
  Result<std::size_t> sweep_garbage(std::size_t rows_max);
  Result<void> after_expiry(const Stream& stream, const Deleted& deleted);
  Result<void> store_group_size(const Group& group, std::int64_t bytes);
  static Result<void> ignore_conflict(Result<void> committed);
  std::mutex& lock_of(std::string_view key);

  store::Store& store_;
  const Clock& clock_;
  Random& random_;
  // Writers of one stream take turns, so that they do not conflict on its record.
  std::array<std::mutex, 64> stream_locks_;
};

// Turns an error of the store into one for clients.
Error public_error(Error error);
// platform::page_position() with the service's error: InvalidParameterException.
Result<std::string> page_position(const std::optional<std::string>& token);
std::unexpected<Error> invalid_parameter(std::string message);

}  // namespace tidemill::services::logs
