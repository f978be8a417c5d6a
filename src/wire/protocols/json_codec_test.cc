#include <cmath>
#include <limits>

#include "base/json.h"
#include "wire/protocols/codec_test_support.h"

namespace tidemill::wire {
namespace {

using namespace test;  // NOLINT

const Codec& json() { return codec_for(Protocol::aws_json_1_1); }

Result<Value> decode(std::string body) {
  return json().decode_request(kJsonService, kJsonOperations[0], request_with(std::move(body)), {});
}

std::string encode(const Value& output) {
  return json().encode_response(kJsonService, kJsonOperations[0], output, "id").body;
}

TEST(AwsJson, Reads_every_type) {
  Result<Value> value = decode(R"({"Text":"ü","Count":7,"Big":9007199254740993,"Ratio":1,
      "Flag":true,"Bytes":"AP8=","Time":1700000000.5,"IsoTime":"2023-11-14T22:13:20Z",
      "Names":["a","b"],"Labels":{"k":"v"},"Anything":{"x":[1,null]},"Nested":{"Text":"in"},
      "renamed_on_wire":"r","NestedList":[{},{"Count":1}]})");
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(*value->find("Big"), Value(std::int64_t(9007199254740993)));
  EXPECT_EQ(*value->find("Ratio"), Value(1.0));
  EXPECT_EQ(*value->find("Bytes"), Value(Blob{std::string("\0\xff", 2)}));
  EXPECT_EQ(*value->find("Time"), Value(Timestamp{1'700'000'000'500'000}));
  EXPECT_EQ(*value->find("IsoTime"), Value(Timestamp{1'700'000'000'000'000}));
  EXPECT_EQ(*value->find("Renamed"), Value("r"));
  EXPECT_EQ(value->find("NestedList")->as_list()->size(), 2u);
  EXPECT_TRUE(value->find("Anything")->find("x"));
}

TEST(AwsJson, Leaves_out_nulls_and_what_it_does_not_know) {
  Result<Value> value =
      decode(R"({"Text":null,"Unknown":{"deep":[1]},"Names":["a",null],"Labels":{"k":null}})");
  ASSERT_TRUE(value);
  EXPECT_EQ(write_json(*value), R"({"Names":["a"],"Labels":{}})");
  EXPECT_EQ(decode("")->as_object()->size(), 0u);
  EXPECT_EQ(decode(" \n")->as_object()->size(), 0u);
}

TEST(AwsJson, Names_the_member_of_a_wrong_type) {
  EXPECT_EQ(code_and_message(decode(R"({"Count":"7"})")),
            "SerializationException: STRING_VALUE can not be converted to an Integer at member "
            "'Count'");
  EXPECT_EQ(code_and_message(decode(R"({"NestedList":[{},{"Nested":{"Text":5}}]})")),
            "SerializationException: NUMBER_VALUE can not be converted to a String at member "
            "'NestedList[1].Nested.Text'");
  EXPECT_EQ(code_and_message(decode(R"({"Count":3000000000})")),
            "SerializationException: number out of range of an Integer at member 'Count'");
  for (const char* bad :
       {R"({"Big":1e30})", R"({"Count":1.5})", R"({"Flag":"true"})", R"({"Bytes":"???"})",
        R"({"Time":"yesterday"})", R"({"Time":1e300})", R"({"Ratio":"x"})", R"({"Labels":[]})",
        R"({"Names":{}})", R"([])", R"(5)", R"({"Text":"a)", R"({"Text":"a"}x)", "\xff\xfe",
        R"({"Nested":[]})"}) {
    Result<Value> value = decode(bad);
    ASSERT_FALSE(value) << bad;
    EXPECT_EQ(value.error().code, "SerializationException") << bad;
    EXPECT_EQ(value.error().http_status, 400);
  }
}

TEST(AwsJson, Deep_nesting_is_an_error_not_a_crash) {
  std::string body;
  for (int i = 0; i < 5'000; ++i) body += R"({"Nested":)";
  EXPECT_EQ(decode(body + std::string(5'000, '}')).error().code, "SerializationException");
}

TEST(AwsJson, Numbers_that_are_none) {
  Result<Value> value = decode(R"({"Ratio":"NaN","Single":"-Infinity"})");
  ASSERT_TRUE(value);
  EXPECT_TRUE(std::isnan(*value->find("Ratio")->get_if<double>()));
  EXPECT_EQ(encode(*value), R"({"Ratio":"NaN","Single":"-Infinity"})");
}

TEST(AwsJson, Writes_times_with_milliseconds_and_floats_shortly) {
  EXPECT_EQ(encode(object({{"Time", Timestamp{1'700'000'000'123'999}},
                           {"IsoTime", Timestamp{1'700'000'000'000'000}},
                           {"Single", 0.1},
                           {"Ratio", 2.0},
                           {"Bytes", Blob{"hi"}},
                           {"Renamed", "x"},
                           {"NotInTheModel", 1},
                           {"Text", Value()},
                           {"Names", ValueList{}}})),
            R"({"Time":1700000000.123,"IsoTime":"2023-11-14T22:13:20Z","Single":0.1,"Ratio":2.0,)"
            R"("Bytes":"aGk=","renamed_on_wire":"x","Names":[]})");
  EXPECT_EQ(encode(object({{"Time", Timestamp{-1'500'000}}})), R"({"Time":-1.5})");
  EXPECT_EQ(encode(object({{"Time", Timestamp{-500'000}}})), R"({"Time":-0.5})");
}

TEST(AwsJson, Errors) {
  HttpRequest request = request_with("");
  Error error{"ModelError", "the model failed"};
  error.details = {{"OriginalStatusCode", "500"}, {"Unknown", "x"}};
  HttpResponse response =
      json().encode_error(kJsonService, &kJsonOperations[0], error, "id-1", request);
  EXPECT_EQ(response.status, 424);
  EXPECT_EQ(response.headers.get("x-amzn-requestid"), "id-1");
  EXPECT_EQ(response.headers.get("content-type"), "application/x-amz-json-1.1");
  EXPECT_EQ(response.body,
            R"({"__type":"ModelError","Message":"the model failed","OriginalStatusCode":500})");

  response = json().encode_error(kJsonService, nullptr, {"ValidationException", "bad \"x\""}, "i",
                                 request);
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body, R"({"__type":"ValidationException","message":"bad \"x\""})");
  EXPECT_EQ(
      json().encode_error(kJsonService, nullptr, {"InternalFailure", ""}, "i", request).status,
      500);
}

TEST(AwsJson, Version_1_0_qualifies_names_and_speaks_of_the_query_protocol) {
  const Codec& codec = codec_for(Protocol::aws_json_1_0);
  HttpResponse response = codec.encode_error(kCborService, &kQueryOperations[0],
                                             {"NoSuchThing", "m"}, "i", request_with(""));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, R"({"__type":"com.amazonaws.monitoring#NoSuchThing","message":"m"})");
  EXPECT_EQ(response.headers.get("x-amzn-query-error"), "AWS.Old.NoSuchThing;Sender");
}

}  // namespace
}  // namespace tidemill::wire
