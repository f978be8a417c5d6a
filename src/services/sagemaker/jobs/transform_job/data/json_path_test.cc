#include "services/sagemaker/jobs/transform_job/data/json_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/sagemaker/jobs/transform_job/data/csv_row.h"
#include "services/sagemaker/jobs/transform_job/data/json_text.h"

namespace tidemill::services::sagemaker::jobs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string select(const std::string& path, const std::string& json) {
  Result<JsonPath> parsed = JsonPath::parse(path);
  if (!parsed) return "parse: " + parsed.error().message;
  Result<std::string> selected = parsed->select(json);
  return selected ? *selected : "error: " + selected.error().message;
}

std::vector<std::size_t> columns(const std::string& path, std::size_t count) {
  Result<JsonPath> parsed = JsonPath::parse(path);
  Result<std::vector<std::size_t>> found = parsed->columns(count);
  return found ? *found : std::vector<std::size_t>{999};
}

TEST(JsonPath, SelectsWhatTheDocumentationShows) {
  const std::string record = R"({"id": 7, "features": [1.50, 2, 1e3], "o": {"a": "x", "b": null}})";
  EXPECT_EQ(select("$", R"( {"a": 1 , "b" :[ 2 ]} )"), R"({"a":1,"b":[2]})");
  EXPECT_EQ(select("", "[1]"), "[1]");
  // Numbers keep their digits.
  EXPECT_EQ(select("$.features", record), "[1.50,2,1e3]");
  EXPECT_EQ(select("$.features[0]", record), "1.50");
  EXPECT_EQ(select("$.o.a", record), R"("x")");
  EXPECT_EQ(select("$['id']", record), "7");
  EXPECT_EQ(select("$['id','features']", record), R"({"id":7,"features":[1.50,2,1e3]})");
  EXPECT_EQ(select("$.o.['b','a']", record), R"({"b":null,"a":"x"})");
  EXPECT_EQ(select("$.o.*", record), R"(["x",null])");
  EXPECT_EQ(select("$.features[*]", record), "[1.50,2,1e3]");
}

TEST(JsonPath, SlicesIncludeBothEndsAndIndexesCountFromTheEnd) {
  const std::string row = "[10,11,12,13,14,15]";
  EXPECT_EQ(select("$[1:4]", row), "[11,12,13,14]");
  EXPECT_EQ(select("$[:2]", row), "[10,11,12]");
  EXPECT_EQ(select("$[4:]", row), "[14,15]");
  EXPECT_EQ(select("$[-1]", row), "15");
  EXPECT_EQ(select("$[-2:]", row), "[14,15]");
  EXPECT_EQ(select("$[0,4:]", row), "[10,14,15]");
  EXPECT_EQ(select("$[1,3,5]", row), "[11,13,15]");
  EXPECT_EQ(select("$[:]", "[]"), "[]");
}

TEST(JsonPath, PathsToManyPlacesGiveLists) {
  EXPECT_EQ(select("$.rows[*].x", R"({"rows":[{"x":1},{"y":2},{"x":3}]})"), "[1,3]");
  EXPECT_EQ(select("$[0:1].x", R"([{"x":"a"},{"x":"b"},{"x":"c"}])"), R"(["a","b"])");
}

TEST(JsonPath, WhatIsNotThereIsAnError) {
  EXPECT_THAT(select("$.features", R"({"id":1})"), HasSubstr("a member 'features'"));
  EXPECT_THAT(select("$['id','x']", R"({"id":1})"), HasSubstr("a member 'x'"));
  EXPECT_THAT(select("$[3]", "[1,2,3]"), HasSubstr("there are 3"));
  EXPECT_THAT(select("$[1:3]", "[1,2,3]"), HasSubstr("there are 3"));
  EXPECT_THAT(select("$[-4]", "[1,2,3]"), HasSubstr("there are 3"));
  EXPECT_THAT(select("$.a", "[1]"), HasSubstr("error: "));
  EXPECT_THAT(select("$[0]", R"({"a":1})"), HasSubstr("error: "));
}

TEST(JsonPath, RefusesWhatSageMakerDoesNotSupport) {
  for (const char* path : {"a", "$x", "$.", "$..a", "$[", "$[]", "$['a", "$['a'", "$[?(@.a>1)]",
                           "$[1:2:3]", "$.a()", "$[99999999999]", "$['a',1]", "$[1,'a']", "$ .a"})
    EXPECT_FALSE(JsonPath::parse(path)) << path;
}

TEST(JsonPath, SelectsColumnsOfRows) {
  EXPECT_THAT(columns("$", 2), ElementsAre(0, 1));
  EXPECT_THAT(columns("$[1:]", 4), ElementsAre(1, 2, 3));
  EXPECT_THAT(columns("$[0,-1]", 4), ElementsAre(0, 3));
  EXPECT_THAT(columns("$[0,2:]", 4), ElementsAre(0, 2, 3));
  EXPECT_THAT(columns("$[*]", 2), ElementsAre(0, 1));
  EXPECT_THAT(columns("$[1:]", 1), ElementsAre(999));
  EXPECT_FALSE(JsonPath::parse("$.name")->check_for_csv());
  EXPECT_FALSE(JsonPath::parse("$[0][1]")->check_for_csv());
}

TEST(JsonText, AcceptsJsonAndNothingElse) {
  for (const char* good : {"{}", " [ ] ", "-0.5e+10", "\"\\u00e9\\n\"", "true", "null",
                           R"({"a":{"b":[1,{"c":"}"}]}})"})
    EXPECT_TRUE(check_json(good)) << good;
  for (const char* bad : {"", "{", "[1,]", "{\"a\"}", "01", "1.", "+1", "'a'", "\"a", "nul", "1 2",
                          "{\"a\":1,}", "\"\\x\"", "\"\t\"", "[1"})
    EXPECT_FALSE(check_json(bad)) << bad;
  EXPECT_FALSE(check_json(std::string(10'000, '[')));
}

TEST(JsonText, FindsMembersUnescaped) {
  const std::vector<JsonMember> members = json_members(R"( {"a\u0062" : [1, 2] , "c":"{" } )");
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].name, "ab");
  EXPECT_EQ(members[0].quoted, R"("a\u0062")");
  EXPECT_EQ(members[0].value, "[1, 2]");
  EXPECT_EQ(members[1].value, R"("{")");
}

TEST(CsvRow, SplitsFieldsAsTheyStand) {
  EXPECT_THAT(*csv_fields("1.50,,x"), ElementsAre("1.50", "", "x"));
  EXPECT_THAT(*csv_fields(R"("a,b","say ""hi""",3)"),
              ElementsAre(R"("a,b")", R"("say ""hi""")", "3"));
  EXPECT_THAT(*csv_fields(""), ElementsAre(""));
  EXPECT_THAT(*csv_fields("1,"), ElementsAre("1", ""));
  EXPECT_FALSE(csv_fields(R"(1,"open)"));
}

TEST(CsvRow, LinesLoseTheirEndsAndEmptyOnesGo) {
  EXPECT_THAT(text_lines("a\r\n\n\r\nb"), ElementsAre("a", "b"));
  EXPECT_THAT(text_lines("\n\n"), IsEmpty());
}

}  // namespace
}  // namespace tidemill::services::sagemaker::jobs
