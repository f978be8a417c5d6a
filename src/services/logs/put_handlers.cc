// PutLogEvents, and append() for the output of jobs and endpoints.
#include <algorithm>

#include "base/utf8.h"
#include "services/logs/invariants.h"
#include "services/logs/logs_service.h"
#include "services/platform/commits/retry.h"

namespace tidemill::services::logs {

namespace errors = api::logs::errors;
using namespace api::logs;  // NOLINT: requests and responses

namespace {

constexpr std::int64_t kHourMs = 3'600'000, kDayMs = 24 * kHourMs;
constexpr std::int64_t kTooNewMs = 2 * kHourMs;
constexpr std::int64_t kTooOldMs = 14 * kDayMs;
constexpr std::size_t kMessageBytesMax = (256u << 10) - event_overhead_bytes;
// A group or stream may be deleted each time that it was created for an append.
constexpr int kCreationsMax = 16;
// Events per transaction of append(), which takes any number of them.
constexpr std::size_t kAppendBatchEvents = 10'000;
constexpr std::size_t kAppendBatchBytes = 4u << 20;

// The number of events from `begin` on that form the next transaction; at least one if any is left.
std::size_t batch_size(const std::vector<LogEvent>& events, std::size_t begin) {
  std::size_t bytes = 0, end = begin;
  while (end < events.size() && end - begin < kAppendBatchEvents && bytes < kAppendBatchBytes)
    bytes += events[end++].message.size() + event_overhead_bytes;
  return end - begin;
}

Result<void> check_batch(const std::vector<InputLogEvent>& events) {
  std::size_t bytes = 0;
  for (const InputLogEvent& event : events) bytes += event.message.size() + event_overhead_bytes;
  if (bytes > put_bytes_max)
    return invalid_parameter("Upload too large: " + std::to_string(bytes) +
                             " bytes exceeds limit of " + std::to_string(put_bytes_max));
  if (!std::ranges::is_sorted(events, {}, &InputLogEvent::timestamp))
    return invalid_parameter(
        "Log events in a single PutLogEvents request must be in chronological order.");
  if (!events.empty() && events.back().timestamp - events.front().timestamp > kDayMs)
    return invalid_parameter(
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  return {};
}

std::vector<LogEvent> not_yet_held(const std::vector<LogEvent>& events, std::uint64_t held_offset) {
  std::vector<LogEvent> fresh;
  fresh.reserve(events.size());
  for (const LogEvent& event : events)
    if (event.source_offset == 0 || event.source_offset > held_offset) fresh.push_back(event);
  return fresh;
}

}  // namespace

Result<PutLogEventsResponse> LogsService::put_log_events(Context& context,
                                                         const PutLogEventsRequest& request) {
  TRY(check_batch(request.log_events));
  VersionedGroup group = TRY(load_group(context.account(), context.region, request.log_group_name));
  std::int64_t now_ms = clock_.now().microseconds / 1000;
  std::int64_t kept_from = kept_from_ms(group.record, clock_.now());
  PutLogEventsResponse out;
  std::vector<LogEvent> accepted;
  accepted.reserve(request.log_events.size());
  for (std::size_t i = 0; i < request.log_events.size(); ++i) {
    const InputLogEvent& event = request.log_events[i];
    if (event.timestamp > now_ms + kTooNewMs) {
      auto& rejected = out.rejected_log_events_info.ensure();
      if (!rejected.too_new_log_event_start_index)
        rejected.too_new_log_event_start_index = std::int64_t(i);
    } else if (event.timestamp < now_ms - kTooOldMs) {
      out.rejected_log_events_info.ensure().too_old_log_event_end_index = std::int64_t(i) + 1;
    } else if (event.timestamp < kept_from) {
      out.rejected_log_events_info.ensure().expired_log_event_end_index = std::int64_t(i) + 1;
    } else {
      accepted.push_back({Timestamp{event.timestamp * 1000}, event.message});
    }
  }
  TRY(append_existing(context.account(), context.region, request.log_group_name,
                      request.log_stream_name, accepted));
  out.next_sequence_token = "4961" + ordered(now_ms) + ordered(std::int64_t(accepted.size()));
  return out;
}

Result<void> LogsService::append_existing(std::string_view account, std::string_view region,
                                          std::string_view group, std::string_view stream,
                                          const std::vector<LogEvent>& events) {
  std::string key = stream_key(account, region, group, stream);
  std::lock_guard lock(lock_of(key));
  // On a conflict the stream was deleted, or another process writes to it.
  return platform::retry_conflicts([&]() -> Result<void> {
    VersionedStream found = TRY(load_stream(account, region, group, stream));
    std::vector<LogEvent> fresh = not_yet_held(events, found.record.source_offset);
    if (fresh.empty()) return {};
    store::Transaction transaction;
    add_events(transaction, found.record, fresh, clock_.now());
    found.record.source_offset = std::max(found.record.source_offset, fresh.back().source_offset);
    streams_table().put(transaction, key, found.record, found.version);
    return store_.commit(std::move(transaction));
  });
}

Result<void> LogsService::append(std::string_view account, std::string_view region,
                                 std::string_view group, std::string_view stream,
                                 std::vector<LogEvent> events) {
  for (LogEvent& event : events)
    event.message = cut_utf8(to_valid_utf8(event.message), kMessageBytesMax);
  std::size_t done = 0;
  int created = 0;
  do {
    std::size_t count = batch_size(events, done);
    std::vector<LogEvent> batch(
        std::make_move_iterator(events.begin() + std::ptrdiff_t(done)),
        std::make_move_iterator(events.begin() + std::ptrdiff_t(done + count)));
    Result<void> appended = append_existing(account, region, group, stream, batch);
    // Created again when somebody deletes the stream meanwhile, but not endlessly.
    for (; !appended && appended.error().code == errors::kResourceNotFoundException &&
           created < kCreationsMax;
         ++created) {
      TRY(ensure_stream(account, region, group, stream));
      appended = append_existing(account, region, group, stream, batch);
    }
    if (!appended) return fail(public_error(std::move(appended).error()));
    done += count;
  } while (done < events.size());
  return {};
}

}  // namespace tidemill::services::logs
