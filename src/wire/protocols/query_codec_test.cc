#include "base/json.h"
#include "wire/protocols/codec_test_support.h"

namespace tidemill::wire {
namespace {

using namespace test;  // NOLINT

const Codec& query() { return codec_for(Protocol::aws_query); }

Result<Value> decode(std::string body) {
  return query().decode_request(kQueryService, kQueryOperations[0], request_with(std::move(body)),
                                {});
}

TEST(AwsQuery, Reads_structures_lists_and_maps) {
  Result<Value> value = decode(
      "Action=Echo&Version=1&Text=a%20b%2B+c&Count=7&Flag=true&Time=2023-11-14T22%3A13%3A20Z"
      "&Names.member.2=second&Names.member.10=third&Names.member.1=first"
      "&FlatName.1=x&FlatName.2=y&FlatName.bad=z&Tags.member.1.Key=k&Tags.member.1.Value="
      "&Tag.1.Key=flat&Labels.entry.1.key=a&Labels.entry.1.value=b"
      "&FlatLabel.1.key=c&FlatLabel.1.value=d&Nested.Nested.Text=deep&Unknown.member.1=u");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(*value->find("Text"), Value("a b+ c"));
  EXPECT_EQ(*value->find("Count"), Value(7));
  EXPECT_EQ(write_json(*value->find("Names")), R"(["first","second","third"])");
  EXPECT_EQ(write_json(*value->find("FlatNames")), R"(["x","y"])");
  EXPECT_EQ(write_json(*value->find("Tags")), R"([{"Key":"k","Value":""}])");
  EXPECT_EQ(write_json(*value->find("FlatTags")), R"([{"Key":"flat"}])");
  EXPECT_EQ(write_json(*value->find("Labels")), R"({"a":"b"})");
  EXPECT_EQ(write_json(*value->find("FlatLabels")), R"({"c":"d"})");
  EXPECT_EQ(write_json(*value->find("Nested")), R"({"Nested":{"Text":"deep"}})");
  EXPECT_FALSE(value->find("Unknown"));
}

TEST(AwsQuery, Empty_list_and_parameters_in_the_url) {
  EXPECT_EQ(decode("Names=")->find("Names")->as_list()->size(), 0u);
  Result<Value> value = query().decode_request(kQueryService, kQueryOperations[0],
                                               request_with("", "/?Action=Echo&Text=t"), {});
  EXPECT_EQ(*value->find("Text"), Value("t"));
}

TEST(AwsQuery, Malformed) {
  EXPECT_EQ(code_and_message(decode("Count=abc")),
            "MalformedInput: 'abc' can not be converted to an Integer at member 'Count'");
  EXPECT_EQ(decode("Text=%zz").error().code, "MalformedInput");
  EXPECT_EQ(decode("Text=%ff").error().code, "MalformedInput");
  EXPECT_EQ(decode("Labels.entry.1.value=b").error().code, "MalformedInput");
  std::string deep;
  for (int i = 0; i < 1'000; ++i) deep += "Nested.";
  EXPECT_EQ(decode(deep + "Text=x").error().code, "MalformedInput");
}

TEST(AwsQuery, Writes_the_result_in_its_wrapper) {
  HttpResponse response =
      query().encode_response(kQueryService, kQueryOperations[0],
                              object({{"Text", "a&b"},
                                      {"Names", ValueList{"x"}},
                                      {"Tags", ValueList{}},
                                      {"Labels", object({{"k", "v"}})},
                                      {"Time", Timestamp{1'700'000'000'000'000}}}),
                              "id-1");
  EXPECT_EQ(response.headers.get("content-type"), "text/xml");
  EXPECT_EQ(response.body,
            "<EchoResponse xmlns=\"https://queryish.amazonaws.com/doc/2011-06-15/\"><EchoResult>"
            "<Text>a&amp;b</Text><Time>2023-11-14T22:13:20Z</Time><Names><member>x</member>"
            "</Names><Tags></Tags><Labels><entry><key>k</key><value>v</value></entry></Labels>"
            "</EchoResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>"
            "</EchoResponse>");
  response = query().encode_response(kQueryService, kQueryOperations[1], ValueObject(), "id-1");
  EXPECT_EQ(response.body,
            "<ForgetResponse xmlns=\"https://queryish.amazonaws.com/doc/2011-06-15/\">"
            "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></ForgetResponse>");
}

TEST(AwsQuery, Errors_carry_the_older_code) {
  HttpResponse response = query().encode_error(kQueryService, &kQueryOperations[0],
                                               {"NoSuchThing", "<m>"}, "id-1", request_with(""));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body,
            "<ErrorResponse xmlns=\"https://queryish.amazonaws.com/doc/2011-06-15/\"><Error>"
            "<Type>Sender</Type><Code>AWS.Old.NoSuchThing</Code><Message>&lt;m&gt;</Message>"
            "</Error><RequestId>id-1</RequestId></ErrorResponse>");
}

TEST(Ec2Query, Lists_are_flat_and_the_answer_has_no_wrapper) {
  const Codec& ec2 = codec_for(Protocol::ec2_query);
  Result<Value> value =
      ec2.decode_request(kQueryService, kQueryOperations[0],
                         request_with("Action=Echo&Names.1=a&Names.2=b&Renamed_on_wire=r"), {});
  ASSERT_TRUE(value);
  EXPECT_EQ(write_json(*value), R"({"Names":["a","b"],"Renamed":"r"})");
  HttpResponse response =
      ec2.encode_response(kQueryService, kQueryOperations[0], object({{"Text", "t"}}), "id");
  EXPECT_NE(response.body.find("<requestId>id</requestId><Text>t</Text></EchoResponse>"),
            std::string::npos);
  response = ec2.encode_error(kQueryService, nullptr, {"X", "m"}, "id", request_with(""));
  EXPECT_EQ(response.body,
            "<Response><Errors><Error><Code>X</Code><Message>m</Message></Error></Errors>"
            "<RequestID>id</RequestID></Response>");
}

}  // namespace
}  // namespace tidemill::wire
