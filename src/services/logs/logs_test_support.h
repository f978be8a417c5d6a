// For tests: a logs service over a memory store, with a clock that does not move.
#pragma once

#include <gtest/gtest.h>

#include "services/logs/logs_service.h"
#include "store/memory/memory_store.h"

namespace tidemill::services::logs {

// Stands for 2026-11-23T15:17:42Z.
inline constexpr std::int64_t kNowMs = 1'795'447'062'000;

class LogsTest : public testing::Test {
 protected:
  LogsTest() {
    context_.region = "us-east-1";
    context_.principal.account = "123456789012";
  }

  void make(const std::string& group, const std::string& stream = "") {
    ASSERT_TRUE(logs_.create_log_group(context_, {.log_group_name = group}) || !stream.empty());
    if (stream.empty()) return;
    auto made =
        logs_.create_log_stream(context_, {.log_group_name = group, .log_stream_name = stream});
    ASSERT_TRUE(made) << made.error().message;
  }

  Result<api::logs::PutLogEventsResponse> put(
      const std::string& group, const std::string& stream,
      const std::vector<std::pair<std::int64_t, std::string>>& events) {
    api::logs::PutLogEventsRequest request{.log_group_name = group, .log_stream_name = stream};
    for (const auto& [time, message] : events) request.log_events.push_back({time, message});
    return logs_.put_log_events(context_, request);
  }

  template <class T>
  static std::string code_of(const Result<T>& result) {
    return result ? "" : result.error().code;
  }

  static std::string messages(const api::logs::GetLogEventsResponse& page) {
    std::string out;
    for (const auto& event : *page.events) out += (out.empty() ? "" : " ") + *event.message;
    return out;
  }

  std::unique_ptr<store::Store> store_ = store::make_memory_store(LogsService::tables());
  ManualClock clock_{Timestamp{kNowMs * 1000}};
  std::unique_ptr<Random> random_ = make_seeded_random(7);
  LogsService logs_{*store_, clock_, *random_};
  Context context_;
};

}  // namespace tidemill::services::logs
