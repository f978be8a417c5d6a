#include "services/logs/filter_pattern.h"
#include "services/logs/logs_test_support.h"

namespace tidemill::services::logs {
namespace {

using namespace api::logs;  // NOLINT

bool matches(std::string_view pattern, std::string_view message) {
  auto parsed = parse_filter_pattern(pattern);
  EXPECT_TRUE(parsed) << pattern << ": " << (parsed ? "" : parsed.error().message);
  return parsed && (*parsed)->matches(message);
}

TEST(FilterPattern, Terms) {
  EXPECT_TRUE(matches("", "anything"));
  EXPECT_TRUE(matches("  ", "anything"));
  EXPECT_TRUE(matches("ERROR", "[ERROR] 400"));
  EXPECT_FALSE(matches("ERROR", "[error] 400"));
  EXPECT_TRUE(matches("ERROR 400", "400 ERROR"));
  EXPECT_FALSE(matches("ERROR 500", "400 ERROR"));
  EXPECT_TRUE(matches("\"out of memory\" -debug", "x out of memory"));
  EXPECT_FALSE(matches("\"out of memory\" -debug", "debug: out of memory"));
  EXPECT_TRUE(matches("?ERROR ?WARN", "WARN x"));
  EXPECT_FALSE(matches("?ERROR ?WARN", "INFO x"));
  EXPECT_TRUE(matches("INFO ?ERROR", "INFO x")) << "AWS ignores ?terms beside others";
  EXPECT_TRUE(matches("%E[0-9]+%", "E404"));
  EXPECT_FALSE(matches("%^E[0-9]+$%", "xE404"));
}

TEST(FilterPattern, Json) {
  const char* message =
      R"({"level":"error","n":5,"ok":true,"no":null,"a":{"b":["x",{"c":"deep"}]},"f":1.5})";
  EXPECT_TRUE(matches("{ $.level = \"error\" }", message));
  EXPECT_TRUE(matches("{ $.level = err* }", message));
  EXPECT_FALSE(matches("{ $.level != error }", message));
  EXPECT_TRUE(matches("{ $.n >= 5 && $.n < 6 }", message));
  EXPECT_FALSE(matches("{ $.n > 5 }", message));
  EXPECT_TRUE(matches("{ $.f = 1.5 || $.n = 9 }", message));
  EXPECT_TRUE(matches("{ ($.n = 9 || $.n = 5) && $.a.b[0] = x }", message));
  EXPECT_TRUE(matches("{ $.a.b[1].c = %^de% }", message));
  EXPECT_TRUE(matches("{ $[\"level\"] = error }", message));
  EXPECT_TRUE(matches("{ $.no IS NULL && $.ok IS TRUE && $.zz NOT EXISTS }", message));
  EXPECT_FALSE(matches("{ $.zz != 1 }", message));
  EXPECT_FALSE(matches("{ $.level = error }", "level = error"));
}

TEST(FilterPattern, Malformed) {
  for (const char* bad :
       {"\"open", "%[", "%[%", "[a, b]", "{", "{ $.x }", "{ $.x = }", "{ $.x > abc }",
        "{ $.x = 1 } z", "{ ($.x = 1 }", "{ $ = 1 }", "{ x = 1 }", "- x"})
    EXPECT_FALSE(parse_filter_pattern(bad)) << bad;
  std::string deep = "{ " + std::string(1000, '(');
  EXPECT_FALSE(parse_filter_pattern(deep));
}

TEST(FilterPattern, Wildcards) {
  EXPECT_TRUE(matches_wildcard("*", ""));
  EXPECT_TRUE(matches_wildcard("a*b*c", "a--b--c"));
  EXPECT_FALSE(matches_wildcard("a*b", "ab!"));
  EXPECT_FALSE(matches_wildcard(std::string(50, '*') + "b", std::string(10'000, 'a')));
}

class FilterTest : public LogsTest {
 protected:
  std::string filter(FilterLogEventsRequest request) {
    request.log_group_name = "g";
    std::string out;
    for (int pages = 0; pages < 50; ++pages) {
      auto page = logs_.filter_log_events(context_, request);
      if (!page) return page.error().code;
      for (const FilteredLogEvent& event : *page->events)
        out += *event.log_stream_name + *event.message + " ";
      if (!page->next_token) break;
      out += "| ";
      request.next_token = page->next_token;
    }
    return out;
  }
};

TEST_F(FilterTest, Streams_interleave_by_time_and_page) {
  make("g", "a");
  ASSERT_TRUE(logs_.create_log_stream(context_, {"g", "b"}));
  ASSERT_TRUE(logs_.create_log_stream(context_, {"g", "c2"}));
  ASSERT_TRUE(put("g", "a", {{kNowMs, "1"}, {kNowMs + 2, "3"}, {kNowMs + 4, "5"}}));
  ASSERT_TRUE(put("g", "b", {{kNowMs + 1, "2"}, {kNowMs + 3, "4"}, {kNowMs + 30'000, "6"}}));
  EXPECT_EQ(filter({}), "a1 b2 a3 b4 a5 b6 ");
  EXPECT_EQ(filter({.limit = 2}), "a1 b2 | a3 b4 | a5 b6 ");
  EXPECT_EQ(filter({.log_stream_names = {{"b"}}}), "b2 b4 b6 ");
  EXPECT_EQ(filter({.log_stream_name_prefix = "a"}), "a1 a3 a5 ");
  EXPECT_EQ(filter({.start_time = kNowMs + 1, .end_time = kNowMs + 3}), "b2 a3 b4 ");
  EXPECT_EQ(filter({.filter_pattern = "?1 ?6"}), "a1 b6 ");
  EXPECT_EQ(filter({.log_stream_names = {{"zz"}}}), "ResourceNotFoundException");
  EXPECT_EQ(filter({.filter_pattern = "{"}), "InvalidParameterException");
  EXPECT_EQ(filter({.next_token = "00"}), "InvalidParameterException");
}

TEST_F(FilterTest, Pages_lose_nothing_within_one_millisecond) {
  make("g", "a");
  ASSERT_TRUE(logs_.create_log_stream(context_, {"g", "b"}));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(put("g", "a", {{kNowMs, std::to_string(i)}}));
    ASSERT_TRUE(put("g", "b", {{kNowMs, std::to_string(i)}}));
  }
  std::string one = filter({.limit = 1});
  std::erase(one, '|');
  std::string squeezed;
  for (std::size_t i = 0; i < one.size(); ++i)
    if (one[i] != ' ' || (i > 0 && one[i - 1] != ' ')) squeezed += one[i];
  EXPECT_EQ(squeezed, filter({}));
  EXPECT_EQ(filter({}).size(), 18u);
}

}  // namespace
}  // namespace tidemill::services::logs
