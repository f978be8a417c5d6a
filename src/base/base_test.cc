#include <gtest/gtest.h>

#include "base/arn.h"
#include "base/clock.h"
#include "base/describe.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/random.h"
#include "base/utf8.h"

namespace tidemill {
namespace {

enum class Colour { red, green };
BOOST_DESCRIBE_ENUM(Colour, red, green)

struct Inner {
  std::string name;
  std::optional<std::int64_t> size;
};
TIDEMILL_RECORD(Inner, (), (name, size))
TIDEMILL_RECORD_CODEC(Inner)

struct Named : Inner {
  std::optional<Inner> twin;
};
TIDEMILL_RECORD(Named, (Inner), (twin))
TIDEMILL_RECORD_CODEC(Named)

struct Outer {
  std::vector<Inner> inners;
  std::map<std::string, std::string> tags;
  Colour colour = Colour::red;
  Timestamp created;
  double ratio = 0;
  bool enabled = false;
};
BOOST_DESCRIBE_STRUCT(Outer, (), (inners, tags, colour, created, ratio, enabled))

TEST(Describe, a_record_survives_the_way_to_text_and_back) {
  Outer outer{
      {{"a", 3}, {"b\n\"", std::nullopt}}, {{"k", "v"}}, Colour::green, {1234567}, 0.1, true};
  std::string text = to_json(outer);
  Result<Outer> back = from_json<Outer>(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), text);
  EXPECT_EQ(back->inners[0].size, 3);
  EXPECT_FALSE(back->inners[1].size);
  EXPECT_EQ(back->colour, Colour::green);
  EXPECT_EQ(back->created.microseconds, 1234567);
}

TEST(Describe, a_wrong_kind_names_the_member) {
  Result<Outer> back = from_json<Outer>(R"({"ratio":"x"})");
  ASSERT_FALSE(back);
  EXPECT_NE(back.error().message.find("ratio"), std::string::npos);
}

TEST(Describe, an_integer_past_its_members_range_is_refused) {
  std::int32_t narrow = 7;
  EXPECT_FALSE(from_value(Value(std::int64_t{1} << 31), narrow));
  EXPECT_FALSE(from_value(Value(-(std::int64_t{1} << 31) - 1), narrow));
  EXPECT_EQ(narrow, 7);
  std::uint32_t positive = 7;
  EXPECT_FALSE(from_value(Value(std::int64_t{-1}), positive));
  EXPECT_TRUE(from_value(Value((std::int64_t{1} << 32) - 1), positive));
  EXPECT_EQ(positive, 0xFFFFFFFFu);
  std::uint64_t bits = 0;
  EXPECT_TRUE(from_value(tidemill::to_value(~std::uint64_t{0}), bits));
  EXPECT_EQ(bits, ~std::uint64_t{0});
}

TEST(Describe, a_derived_record_keeps_the_members_of_its_base) {
  Named named;
  named.name = "a";
  named.twin = Inner{"b", 2};
  EXPECT_EQ(to_json(named), R"({"name":"a","twin":{"name":"b","size":2}})");
  Result<Named> back = from_json<Named>(to_json(named));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->name, "a");
  EXPECT_EQ(back->twin->size, 2);
}

TEST(Describe, a_wrong_kind_inside_a_member_names_the_way_to_it) {
  Result<Named> back = from_json<Named>(R"({"twin":{"name":7}})");
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().message, "a stored value is not a string (member name) (member twin)");
  EXPECT_FALSE(from_json<Named>("[]"));
  EXPECT_TRUE(from_json<Named>(R"({"twin":null,"later":1})"));
}

TEST(Value, assigns_from_inside_itself) {
  Value value = ValueObject();
  value.as_object()->append("inner", Value("text"));
  value = Value(*value.find("inner"));
  EXPECT_EQ(value, Value("text"));
}

TEST(Json, rejects_what_is_not_json) {
  for (const char* text : {"", "{", "[1,]", "{} x", "\"\xff\"", "nul"})
    EXPECT_FALSE(parse_json(text));
  EXPECT_FALSE(parse_json(std::string(200, '[') + std::string(200, ']')));
}

TEST(Json, what_is_written_can_be_read_whatever_the_bytes) {
  EXPECT_EQ(write_json(Value("caf\xc3\xa9 \"\xf0\x9f\x8e\x89\"")),
            "\"caf\xc3\xa9 \\\"\xf0\x9f\x8e\x89\\\"\"");
  EXPECT_EQ(write_json(Value("caf\xe9")), "\"caf\xef\xbf\xbd\"");
  EXPECT_EQ(write_json(Value("\xff\n\xc3")), "\"\xef\xbf\xbd\\n\xef\xbf\xbd\"");
  ValueObject object;
  object.append("na\x80me", Value("\xed\xa0\x80"));  // a surrogate by itself
  EXPECT_TRUE(parse_json(write_json(object)));
}

TEST(Utf8, cuts_between_characters) {
  EXPECT_EQ(cut_utf8("caf\xc3\xa9", 5), "caf\xc3\xa9");
  EXPECT_EQ(cut_utf8("caf\xc3\xa9", 4), "caf");
  EXPECT_EQ(cut_utf8("abc", 0), "");
}

// Text is looked at in blocks: escapes may come at any place of one, and at its ends.
TEST(Json, escapes_bytes_wherever_they_are) {
  for (std::size_t size = 0; size < 70; ++size) {
    std::string plain;
    write_json_string(std::string(size, 'x'), plain);
    EXPECT_EQ(plain, '"' + std::string(size, 'x') + '"');
    for (std::size_t at = 0; at < size; ++at) {
      for (const auto& [byte, escaped] :
           {std::pair('"', "\\\""), {'\\', "\\\\"}, {'\n', "\\n"}, {'\x1f', "\\u001f"}}) {
        std::string text(size, 'x'), out;
        text[at] = byte;
        write_json_string(text, out);
        EXPECT_EQ(out,
                  '"' + std::string(at, 'x') + escaped + std::string(size - at - 1, 'x') + '"');
      }
      std::string broken(size, 'x'), out;
      broken[at] = '\xff';
      write_json_string(broken, out);
      EXPECT_EQ(
          out, '"' + std::string(at, 'x') + "\xEF\xBF\xBD" + std::string(size - at - 1, 'x') + '"');
    }
  }
}

TEST(Json, writes_numbers_that_read_back) {
  EXPECT_EQ(write_json(Value(0.1)), "0.1");
  EXPECT_EQ(write_json(Value(3.0)), "3.0");
  EXPECT_EQ(write_json(Value(Timestamp{1'500'000})), "1.5");
  EXPECT_EQ(write_json(Value(std::int64_t(-7))), "-7");
}

TEST(Encoding, base64_and_percent) {
  for (std::string text : {"", "f", "fo", "foo", "foob", "fooba", "foobar"})
    EXPECT_EQ(decode_base64(encode_base64(text)).value(), text);
  EXPECT_EQ(encode_base64("foobar"), "Zm9vYmFy");
  EXPECT_FALSE(decode_base64("a==="));
  EXPECT_EQ(percent_encode("a b/c~é"), "a%20b%2Fc~%C3%A9");
  EXPECT_EQ(percent_decode("a%20b+c", true).value(), "a b c");
  EXPECT_FALSE(percent_decode("%2"));
  EXPECT_EQ(percent_decode("%2F").value(), "/");
}

TEST(Clock, formats_and_parses) {
  Timestamp time{1'795'446'662'123'000};
  EXPECT_EQ(format_iso8601(time), "2026-11-23T15:11:02.123Z");
  EXPECT_EQ(format_iso8601(Timestamp{0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_iso8601(Timestamp{-62'135'596'800'000'000}), "0001-01-01T00:00:00Z");
  EXPECT_EQ(format_iso8601(Timestamp{253'402'300'799'999'000}), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(format_iso8601(Timestamp{253'402'300'800'000'000}), "10000-01-01T00:00:00Z");
  EXPECT_EQ(parse_iso8601(format_iso8601(time)).value(), time);
  EXPECT_EQ(format_http_date(Timestamp{784111777'000000}), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").value().microseconds,
            784111777'000000);
  EXPECT_EQ(parse_iso8601("1970-01-01T01:00:00+01:00").value().microseconds, 0);
  EXPECT_FALSE(parse_iso8601("yesterday"));
  EXPECT_FALSE(parse_iso8601("2026-13-01T00:00:00Z"));
}

TEST(Arn, parses_its_parts) {
  Arn arn = parse_arn("arn:aws:sagemaker:eu-west-1:123456789012:training-job/a-b").value();
  EXPECT_EQ(arn.resource_type(), "training-job");
  EXPECT_EQ(arn.resource_name(), "a-b");
  EXPECT_EQ(arn.text(), "arn:aws:sagemaker:eu-west-1:123456789012:training-job/a-b");
  EXPECT_FALSE(parse_arn("arn:aws:x"));
}

TEST(Random, a_uuid_has_its_version_and_variant) {
  auto random = make_seeded_random(7);
  std::string uuid = make_uuid(*random);
  ASSERT_EQ(uuid.size(), 36u);
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(std::string("89ab").find(uuid[19]), std::string::npos);
}

}  // namespace
}  // namespace tidemill
