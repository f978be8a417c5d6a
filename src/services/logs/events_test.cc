#include <algorithm>

#include "services/logs/logs_test_support.h"

namespace tidemill::services::logs {
namespace {

using namespace api::logs;  // NOLINT

TEST_F(LogsTest, Events_come_back_in_order_of_time) {
  make("g", "s");
  ASSERT_TRUE(put("g", "s", {{kNowMs, "c"}, {kNowMs + 20'000, "e"}}));
  ASSERT_TRUE(put("g", "s", {{kNowMs - 50'000, "a"}, {kNowMs, "d"}}));
  ASSERT_TRUE(put("g", "s", {{kNowMs - 40'000, "b"}}));
  GetLogEventsRequest request{.log_group_name = "g", .log_stream_name = "s"};
  request.start_from_head = true;
  EXPECT_EQ(messages(*logs_.get_log_events(context_, request)), "a b c d e");
  request.start_from_head = false;
  EXPECT_EQ(messages(*logs_.get_log_events(context_, request)), "a b c d e");
  request.limit = 2;
  EXPECT_EQ(messages(*logs_.get_log_events(context_, request)), "d e");
  request.start_from_head = true;
  EXPECT_EQ(messages(*logs_.get_log_events(context_, request)), "a b");
  request.limit.reset();
  request.start_time = kNowMs - 40'000;
  request.end_time = kNowMs + 20'000;
  EXPECT_EQ(messages(*logs_.get_log_events(context_, request)), "b c d");
}

TEST_F(LogsTest, Tokens_lead_through_and_stay_at_the_end) {
  make("g", "s");
  std::vector<std::pair<std::int64_t, std::string>> events;
  for (int i = 0; i < 25; ++i) events.emplace_back(kNowMs + i * 700, std::to_string(i));
  ASSERT_TRUE(put("g", "s", events));
  GetLogEventsRequest request{
      .log_group_name = "g", .log_stream_name = "s", .limit = 10, .start_from_head = true};
  std::string seen, token;
  while (true) {
    auto page = logs_.get_log_events(context_, request);
    ASSERT_TRUE(page);
    seen += messages(*page) + ";";
    if (page->next_forward_token == request.next_token) break;
    request.next_token = page->next_forward_token;
    ASSERT_LT(seen.size(), 1000u);
  }
  EXPECT_EQ(seen, "0 1 2 3 4 5 6 7 8 9;10 11 12 13 14 15 16 17 18 19;20 21 22 23 24;;");
  // Polling with the token that meant "end" shows new events.
  ASSERT_TRUE(put("g", "s", {{kNowMs + 24 * 700, "again"}, {kNowMs + 60'000, "later"}}));
  auto page = logs_.get_log_events(context_, request);
  EXPECT_EQ(messages(*page), "again later");
  // Then read backwards from there.
  request.next_token = page->next_backward_token;
  page = logs_.get_log_events(context_, request);
  EXPECT_EQ(messages(*page), "15 16 17 18 19 20 21 22 23 24");
  for (const char* bad : {"x", "f/1", "q/000000000000000000000000000000000000000000000000"}) {
    request.next_token = bad;
    EXPECT_EQ(code_of(logs_.get_log_events(context_, request)), "InvalidParameterException");
  }
}

TEST_F(LogsTest, Token_of_an_empty_stream_sees_what_comes) {
  make("g", "s");
  GetLogEventsRequest request{.log_group_name = "g", .log_stream_name = "s"};
  auto page = logs_.get_log_events(context_, request);
  EXPECT_EQ(messages(*page), "");
  request.next_token = page->next_forward_token;
  ASSERT_TRUE(put("g", "s", {{kNowMs, "first"}}));
  EXPECT_EQ(messages(*logs_.get_log_events(context_, request)), "first");
}

TEST_F(LogsTest, Batches_past_the_limits_are_refused) {
  make("g", "s");
  EXPECT_EQ(code_of(put("g", "s", {{kNowMs, "a"}, {kNowMs - 1, "b"}})),
            "InvalidParameterException");
  EXPECT_EQ(code_of(put("g", "s", {{kNowMs - 86'400'001, "a"}, {kNowMs, "b"}})),
            "InvalidParameterException");
  std::string half(put_bytes_max / 2, 'x');
  auto large = put("g", "s", {{kNowMs, half}, {kNowMs, half}});
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().message, "Upload too large: 1048628 bytes exceeds limit of 1048576");
  EXPECT_EQ(code_of(put("g", "nope", {{kNowMs, "a"}})), "ResourceNotFoundException");
}

TEST_F(LogsTest, Events_too_old_and_too_new_are_named) {
  make("g", "s");
  ASSERT_TRUE(logs_.put_retention_policy(context_, {"g", 1}));
  constexpr std::int64_t kHour = 3'600'000;
  auto out = put("g", "s", {{kNowMs - 25 * kHour, "expired"}, {kNowMs - 20 * kHour, "kept"}});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->rejected_log_events_info->expired_log_event_end_index, 1);
  out = put("g", "s", {{kNowMs, "kept"}, {kNowMs + 3 * kHour, "x"}, {kNowMs + 4 * kHour, "x"}});
  ASSERT_TRUE(out);
  EXPECT_EQ(out->rejected_log_events_info->too_new_log_event_start_index, 1);
  out = put("g", "s", {{kNowMs - 15 * 24 * kHour, "x"}});
  EXPECT_EQ(out->rejected_log_events_info->too_old_log_event_end_index, 1);
  auto page = logs_.get_log_events(context_, {.log_group_name = "g", .log_stream_name = "s"});
  EXPECT_EQ(messages(*page), "kept kept");
}

TEST_F(LogsTest, Ten_thousand_events_read_back_in_pages) {
  std::vector<LogEvent> events;
  for (int i = 0; i < 10'000; ++i)
    events.push_back({Timestamp{(kNowMs + i) * 1000}, std::to_string(i)});
  ASSERT_TRUE(logs_.append(context_.account(), context_.region, "g", "s", events));
  GetLogEventsRequest request{
      .log_group_name = "g", .log_stream_name = "s", .limit = 3'000, .start_from_head = true};
  int expected = 0;
  for (int pages = 0; pages < 5; ++pages) {
    auto page = logs_.get_log_events(context_, request);
    ASSERT_TRUE(page);
    for (const OutputLogEvent& event : *page->events)
      ASSERT_EQ(*event.message, std::to_string(expected++));
    request.next_token = page->next_forward_token;
  }
  EXPECT_EQ(expected, 10'000);
  auto last = logs_.tail(context_.account(), context_.region, "g", "s", 2);
  ASSERT_EQ(last->size(), 2u);
  EXPECT_EQ(last->back().message, "9999");
}

TEST_F(LogsTest, Append_makes_text_of_bytes) {
  std::string bytes = "ok \xff\xc3(";
  ASSERT_TRUE(logs_.append("1", "r", "g", "s", {{Timestamp{1'000'000}, bytes}}));
  ASSERT_TRUE(
      logs_.append("1", "r", "g", "s", {{Timestamp{2'000'000}, std::string(300'000, 'x')}}));
  auto events = logs_.tail("1", "r", "g", "s", 10);
  ASSERT_EQ(events->size(), 2u);
  EXPECT_EQ(events->front().message, "ok \xef\xbf\xbd\xef\xbf\xbd(");
  EXPECT_EQ(events->back().message.size(), 262'144u - 26u);
}

TEST_F(LogsTest, A_source_that_delivers_again_leaves_each_line_once) {
  auto append = [&](std::vector<LogEvent> events) {
    return logs_.append("1", "r", "g", "s", std::move(events)).has_value();
  };
  ASSERT_TRUE(append({{Timestamp{1'000'000}, "one", 4}, {Timestamp{2'000'000}, "two", 8}}));
  ASSERT_TRUE(append({{Timestamp{2'000'000}, "two", 8}, {Timestamp{3'000'000}, "three", 14}}));
  ASSERT_TRUE(append({{Timestamp{4'000'000}, "from nowhere"}}));
  auto events = logs_.tail("1", "r", "g", "s", 10);
  ASSERT_EQ(events->size(), 4u);
  EXPECT_EQ((*events)[1].message, "two");
  EXPECT_EQ((*events)[2].message, "three");
}

TEST_F(LogsTest, Retention_deletes) {
  make("g", "s");
  ASSERT_TRUE(put("g", "s", {{kNowMs - 3'600'000, "old"}, {kNowMs, "new"}}));
  ASSERT_TRUE(logs_.put_retention_policy(context_, {"g", 1}));
  EXPECT_EQ(logs_.sweep(clock_.now()).value(), 0u);
  EXPECT_EQ(logs_.describe_log_groups(context_, {})->log_groups->front().stored_bytes, 58);
  clock_.advance(std::chrono::hours(23) + std::chrono::minutes(30));
  // Expired events are hidden at once and deleted by the sweep.
  auto page = logs_.get_log_events(context_, {.log_group_name = "g", .log_stream_name = "s"});
  EXPECT_EQ(messages(*page), "new");
  EXPECT_EQ(logs_.sweep(clock_.now()).value(), 1u);
  EXPECT_EQ(logs_.describe_log_groups(context_, {})->log_groups->front().stored_bytes, 29);
  auto stream = logs_.describe_log_streams(context_, {.log_group_name = "g"});
  EXPECT_EQ(stream->log_streams->front().first_event_timestamp, kNowMs);
  ASSERT_TRUE(logs_.delete_retention_policy(context_, {"g"}));
  clock_.advance(std::chrono::hours(1000));
  EXPECT_EQ(logs_.sweep(clock_.now()).value(), 0u);
  EXPECT_EQ(code_of(logs_.put_retention_policy(context_, {"g", 2})), "InvalidParameterException");
}

TEST_F(LogsTest, Jump_of_the_wall_clock_deletes_nothing_until_it_is_believed) {
  make("g", "s");
  ASSERT_TRUE(put("g", "s", {{kNowMs, "kept"}}));
  ASSERT_TRUE(logs_.put_retention_policy(context_, {"g", 7}));
  const Timestamp believed = clock_.now();
  clock_.advance(std::chrono::days(3650));
  auto page = logs_.get_log_events(context_, {.log_group_name = "g", .log_stream_name = "s"});
  EXPECT_EQ(messages(*page), "") << "hidden";
  EXPECT_EQ(logs_.sweep(believed).value(), 0u);
  clock_.advance(-std::chrono::days(3650));
  page = logs_.get_log_events(context_, {.log_group_name = "g", .log_stream_name = "s"});
  EXPECT_EQ(messages(*page), "kept");
}

TEST_F(LogsTest, Registers_every_handler_once) {
  Registry registry;
  logs_.add_to(registry);
  EXPECT_EQ(std::ranges::count_if(
                api::logs::service().operations,
                [&](const schema::Operation& operation) { return registry.find(operation); }),
            17);
}

}  // namespace
}  // namespace tidemill::services::logs
