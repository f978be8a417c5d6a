#include "services/logs/logs_test_support.h"

namespace tidemill::services::logs {
namespace {

using namespace api::logs;  // NOLINT

TEST_F(LogsTest, Group_is_described_as_it_was_made) {
  ASSERT_TRUE(logs_.create_log_group(context_, {.log_group_name = "/a/b", .tags = {{{"k", "v"}}}}));
  auto page = logs_.describe_log_groups(context_, {});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->log_groups->size(), 1u);
  const LogGroup& group = page->log_groups->front();
  EXPECT_EQ(group.log_group_name, "/a/b");
  EXPECT_EQ(group.arn, "arn:aws:logs:us-east-1:123456789012:log-group:/a/b:*");
  EXPECT_EQ(group.log_group_arn, "arn:aws:logs:us-east-1:123456789012:log-group:/a/b");
  EXPECT_EQ(group.creation_time, kNowMs);
  EXPECT_FALSE(group.retention_in_days);
  EXPECT_FALSE(page->next_token);
}

TEST_F(LogsTest, Group_errors_have_the_words_clients_know) {
  make("g");
  auto again = logs_.create_log_group(context_, {.log_group_name = "g"});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, "ResourceAlreadyExistsException");
  EXPECT_EQ(again.error().message, "The specified log group already exists");
  auto gone = logs_.delete_log_group(context_, {.log_group_name = "nope"});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, "ResourceNotFoundException");
  EXPECT_EQ(gone.error().message, "The specified log group does not exist.");
  auto stream = logs_.get_log_events(context_, {.log_group_name = "g", .log_stream_name = "s"});
  ASSERT_FALSE(stream);
  EXPECT_EQ(stream.error().message, "The specified log stream does not exist.");
}

TEST_F(LogsTest, Groups_of_other_accounts_and_regions_stay_apart) {
  make("g");
  Context other;
  other.region = "eu-west-1";
  other.principal.account = context_.account();
  EXPECT_TRUE(logs_.describe_log_groups(other, {})->log_groups->empty());
  EXPECT_TRUE(logs_.create_log_group(other, {.log_group_name = "g"}));
  other.region = context_.region;
  other.principal.account = "000000000000";
  EXPECT_TRUE(logs_.describe_log_groups(other, {})->log_groups->empty());
}

TEST_F(LogsTest, Groups_come_in_pages_by_prefix_and_pattern) {
  for (const char* name : {"a-1", "a-2", "a-3", "b-1"}) make(name);
  DescribeLogGroupsRequest request{.log_group_name_prefix = "a-", .limit = 2};
  auto page = logs_.describe_log_groups(context_, request);
  ASSERT_EQ(page->log_groups->size(), 2u);
  ASSERT_TRUE(page->next_token);
  request.next_token = page->next_token;
  page = logs_.describe_log_groups(context_, request);
  ASSERT_EQ(page->log_groups->size(), 1u);
  EXPECT_EQ(page->log_groups->front().log_group_name, "a-3");
  auto matching = logs_.describe_log_groups(context_, {.log_group_name_pattern = "-1"});
  EXPECT_EQ(matching->log_groups->size(), 2u);
  EXPECT_EQ(code_of(logs_.describe_log_groups(context_, {.next_token = "zz"})),
            "InvalidParameterException");
}

TEST_F(LogsTest, Deleting_a_group_deletes_its_streams_and_events) {
  make("g", "s");
  ASSERT_TRUE(put("g", "s", {{kNowMs, "old"}}));
  ASSERT_TRUE(logs_.delete_log_group(context_, {.log_group_name = "g"}));
  make("g", "s");
  auto page = logs_.get_log_events(context_, {.log_group_name = "g", .log_stream_name = "s"});
  EXPECT_EQ(messages(*page), "");
  EXPECT_EQ(logs_.sweep(clock_.now()).value(), 1u) << "the old stream's row";
  EXPECT_EQ(logs_.sweep(clock_.now()).value(), 0u);
}

TEST_F(LogsTest, Tags_by_arn_and_by_name) {
  make("g");
  std::string arn = "arn:aws:logs:us-east-1:123456789012:log-group:g";
  ASSERT_TRUE(logs_.tag_resource(context_, {arn, {{"a", "1"}, {"b", "2"}}}));
  ASSERT_TRUE(logs_.untag_resource(context_, {arn + ":*", {"a", "zz"}}));
  ASSERT_TRUE(logs_.tag_log_group(context_, {"g", {{"c", "3"}}}));
  auto tags = logs_.list_tags_for_resource(context_, {arn});
  EXPECT_EQ(*tags->tags, (std::map<std::string, std::string>{{"b", "2"}, {"c", "3"}}));
  TagResourceRequest many{arn, {}};
  for (int i = 0; i < 51; ++i) many.tags[std::to_string(i)] = "";
  EXPECT_EQ(code_of(logs_.tag_resource(context_, many)), "TooManyTagsException");
  EXPECT_EQ(code_of(logs_.list_tags_for_resource(context_, {"arn:aws:s3:::b"})),
            "InvalidParameterException");
}

TEST_F(LogsTest, Streams_by_name_and_by_last_event) {
  make("g", "a");
  for (const char* name : {"b", "c", "ab"})
    ASSERT_TRUE(logs_.create_log_stream(context_, {"g", name}));
  ASSERT_TRUE(put("g", "b", {{kNowMs - 1000, "x"}}));
  ASSERT_TRUE(put("g", "a", {{kNowMs, "x"}}));
  auto names = [&](DescribeLogStreamsRequest request) {
    std::string out;
    request.log_group_name = "g";
    auto page = logs_.describe_log_streams(context_, request);
    if (!page) return page.error().code;
    for (const LogStream& stream : *page->log_streams) out += *stream.log_stream_name + " ";
    return out;
  };
  EXPECT_EQ(names({}), "a ab b c ");
  EXPECT_EQ(names({.descending = true}), "c b ab a ");
  EXPECT_EQ(names({.log_stream_name_prefix = "a"}), "a ab ");
  EXPECT_EQ(names({.order_by = "LastEventTime", .descending = true, .limit = 2}), "a b ");
  EXPECT_EQ(names({.log_stream_name_prefix = "a", .order_by = "LastEventTime"}),
            "InvalidParameterException");
  DescribeLogStreamsRequest paged{
      .log_group_name = "g", .order_by = "LastEventTime", .descending = true, .limit = 1};
  std::string seen;
  for (int i = 0; i < 10; ++i) {
    auto page = logs_.describe_log_streams(context_, paged);
    for (const LogStream& stream : *page->log_streams) seen += *stream.log_stream_name;
    if (!page->next_token) break;
    paged.next_token = page->next_token;
  }
  EXPECT_EQ(seen.substr(0, 2), "ab");
  EXPECT_EQ(seen.size(), 5u);
  auto stream =
      logs_.describe_log_streams(context_, {.log_group_name = "g", .log_stream_name_prefix = "b"});
  EXPECT_EQ(stream->log_streams->front().arn,
            "arn:aws:logs:us-east-1:123456789012:log-group:g:log-stream:b");
  EXPECT_EQ(stream->log_streams->front().last_event_timestamp, kNowMs - 1000);
}

}  // namespace
}  // namespace tidemill::services::logs
