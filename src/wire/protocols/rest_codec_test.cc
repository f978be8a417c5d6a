#include "base/json.h"
#include "wire/protocols/codec_test_support.h"
#include "wire/protocols/xml.h"
#include "wire/test_s3_schema.h"

namespace tidemill::wire {
namespace {

using namespace test;  // NOLINT

const Codec& rest_json() { return codec_for(Protocol::rest_json_1); }
const Codec& rest_xml() { return codec_for(Protocol::rest_xml); }
const Operation& kGetThing = kRestOperations[0];
const Operation& kInvoke = kRestOperations[1];
const Operation& kPutItem = kRestOperations[2];

TEST(RestBindings, Reads_members_from_every_place) {
  HttpRequest request = request_with(
      R"({"bodyText":"t","Max":5})",
      "/things/n/r?max=3&since=2023-11-14T22%3A13%3A20Z&id=a&id=b&other=1&other=2&flag");
  request.headers.add("X-Modified", "Tue, 14 Nov 2023 22:13:20 GMT");
  request.headers.add("x-times", "Tue, 14 Nov 2023 22:13:20 GMT, Tue, 14 Nov 2023 22:13:21 GMT");
  request.headers.add("x-words", "plain, \"with, comma\",\"q\\\"uote\", ");
  request.headers.add("x-json", "eyJhIjoxfQ==");
  request.headers.add("X-Meta-One", "1");
  request.headers.add("x-meta-TWO", "2");
  Result<Value> value = rest_json().decode_request(kRestJsonService, kGetThing, request,
                                                   {{"Name", "n"}, {"Rest", "a//b"}});
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(*value->find("Rest"), Value("a//b"));
  EXPECT_EQ(*value->find("Max"), Value(3)) << "the body's Max is not the query string's";
  EXPECT_EQ(*value->find("Since"), Value(Timestamp{1'700'000'000'000'000}));
  EXPECT_EQ(write_json(*value->find("Ids")), R"(["a","b"])");
  EXPECT_EQ(write_json(*value->find("Extra")), R"({"other":["1","2"],"flag":[""]})");
  EXPECT_EQ(*value->find("Modified"), Value(Timestamp{1'700'000'000'000'000}));
  EXPECT_EQ(value->find("Times")->as_list()->size(), 2u);
  EXPECT_EQ(write_json(*value->find("Words")), R"(["plain","with, comma","q\"uote"])");
  EXPECT_EQ(*value->find("Json"), Value(R"({"a":1})"));
  EXPECT_EQ(write_json(*value->find("Meta")), R"({"one":"1","two":"2"})");
  EXPECT_EQ(*value->find("BodyText"), Value("t"));
}

TEST(RestBindings, Wrong_types_name_the_member) {
  Result<Value> value =
      rest_json().decode_request(kRestJsonService, kGetThing, request_with("", "/x?max=many"), {});
  EXPECT_EQ(code_and_message(value),
            "SerializationException: 'many' can not be converted to an Integer at member 'Max'");
  value = rest_xml().decode_request(kS3Service, kS3Operations[16],
                                    request_with("", "/b?max-keys=99999999999"), {{"Bucket", "b"}});
  EXPECT_EQ(value.error().code, "InvalidArgument");
  value = rest_json().decode_request(kRestJsonService, kGetThing, request_with("", "/x"),
                                     {{"Name", "\xff"}});
  EXPECT_EQ(value.error().code, "SerializationException") << "not UTF-8";
  EXPECT_TRUE(
      rest_json().decode_request(kRestJsonService, kGetThing, request_with("", "/x?max="), {}));
}

TEST(RestBindings, Writes_headers_and_status) {
  HttpResponse response =
      rest_json().encode_response(kRestJsonService, kGetThing,
                                  object({{"Status", 207},
                                          {"Modified", Timestamp{1'700'000'000'000'000}},
                                          {"Words", ValueList{"a", "b,c"}},
                                          {"Times", ValueList{}},
                                          {"Json", R"({"a":1})"},
                                          {"Meta", object({{"one", "1\r\nEvil: x"}})},
                                          {"BodyText", "t"}}),
                                  "id");
  EXPECT_EQ(response.status, 207);
  EXPECT_EQ(response.headers.get("x-modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
  EXPECT_EQ(response.headers.get("x-words"), "a, \"b,c\"");
  EXPECT_FALSE(response.headers.find("x-times"));
  EXPECT_EQ(response.headers.get("x-json"), "eyJhIjoxfQ==");
  EXPECT_EQ(response.headers.get("x-meta-one"), "1  Evil: x") << "no second field";
  EXPECT_EQ(response.body, R"({"bodyText":"t"})");
}

TEST(RestJson, Blob_payload_passes_through) {
  HttpRequest request = request_with(std::string("\0\xff,1", 4));
  request.headers.add("Content-Type", "text/csv");
  Result<Value> value =
      rest_json().decode_request(kRestJsonService, kInvoke, request, {{"Name", "e"}});
  ASSERT_TRUE(value);
  EXPECT_EQ(*value->find("Body"), Value(Blob{std::string("\0\xff,1", 4)}));
  EXPECT_EQ(*value->find("Type"), Value("text/csv"));
  HttpResponse response = rest_json().encode_response(kRestJsonService, kInvoke, *value, "id");
  EXPECT_EQ(response.body, std::string("\0\xff,1", 4));
  EXPECT_EQ(response.headers.get("content-type"), "text/csv");
}

TEST(RestJson, Model_error_has_its_members) {
  Error error{"ModelError", "m", 0, {{"OriginalStatusCode", "500"}, {"OriginalMessage", "boom"}}};
  HttpResponse response =
      rest_json().encode_error(kRestJsonService, &kInvoke, error, "id", request_with(""));
  EXPECT_EQ(response.status, 424);
  EXPECT_EQ(response.headers.get("x-amzn-errortype"), "ModelError");
  EXPECT_EQ(response.body, R"({"Message":"m","OriginalStatusCode":500,"OriginalMessage":"boom"})");
}

Result<Value> decode_item(std::string body) {
  return rest_xml().decode_request(kRestXmlService, kPutItem, request_with(std::move(body)), {});
}

TEST(RestXml, Reads_a_payload) {
  Result<Value> value = decode_item(R"(<?xml version="1.0"?>
    <n:ItemRoot xmlns:n="urn:x" xmlns:xsi="urn:i" xsi:type="Group">
      <Text> a &lt;b&gt;<![CDATA[<c>]]>&#xFC; </Text><Count> 7
      </Count><Flag>true</Flag><Time>2023-11-14T22:13:20.5Z</Time>
      <Names><member>x</member><member> </member></Names>
      <FlatName>1</FlatName><Unknown><deep/></Unknown><FlatName>2</FlatName>
      <Tag><Key>k</Key><Value/></Tag>
      <Labels><entry><key>a</key><value>b</value></entry></Labels>
      <FlatLabel><key>c</key><value>d</value></FlatLabel>
      <Bytes>aGk=</Bytes><renamed_on_wire>r</renamed_on_wire>
    </n:ItemRoot>)");
  ASSERT_TRUE(value) << value.error().message;
  const Value& item = *value->find("Item");
  EXPECT_EQ(*item.find("Text"), Value(" a <b><c>\xc3\xbc "));
  EXPECT_EQ(*item.find("Count"), Value(7));
  EXPECT_EQ(*item.find("Kind"), Value("Group"));
  EXPECT_EQ(*item.find("Time"), Value(Timestamp{1'700'000'000'500'000}));
  EXPECT_EQ(write_json(*item.find("Names")), R"(["x"," "])");
  EXPECT_EQ(write_json(*item.find("FlatNames")), R"(["1","2"])");
  EXPECT_EQ(write_json(*item.find("FlatTags")), R"([{"Key":"k","Value":""}])");
  EXPECT_EQ(write_json(*item.find("Labels")), R"({"a":"b"})");
  EXPECT_EQ(write_json(*item.find("FlatLabels")), R"({"c":"d"})");
  EXPECT_EQ(*item.find("Bytes"), Value(Blob{"hi"}));
  EXPECT_EQ(*item.find("Renamed"), Value("r"));
}

TEST(RestXml, Malformed_documents) {
  std::string deep;
  for (int i = 0; i < 20'000; ++i) deep += "<Nested>";
  for (const std::string& bad :
       {std::string("<ItemRoot>"), std::string("no xml"), std::string("<Other/>"),
        std::string("<ItemRoot><Count>x</Count></ItemRoot>"),
        std::string("<!DOCTYPE x [<!ENTITY e \"x\">]><ItemRoot><Text>&e;</Text></ItemRoot>"),
        std::string("<ItemRoot><Text>\xff</Text></ItemRoot>"), "<ItemRoot>" + deep,
        std::string("<ItemRoot><FlatLabel><key>k</key></FlatLabel></ItemRoot>")}) {
    Result<Value> value = decode_item(bad);
    ASSERT_FALSE(value) << bad.substr(0, 80);
    EXPECT_EQ(value.error().code, "MalformedXML");
  }
}

TEST(RestXml, Written_items_read_back) {
  Value item = object({{"Text", "a<&>\r\n\"'"},
                       {"Count", -7},
                       {"Ratio", 0.1},
                       {"Flag", false},
                       {"Bytes", Blob{std::string("\0\xff", 2)}},
                       {"Time", Timestamp{1'700'000'000'123'000}},
                       {"Names", ValueList{"x", ""}},
                       {"FlatNames", ValueList{"1"}},
                       {"FlatTags", ValueList{object({{"Key", "k"}})}},
                       {"Labels", object({{"a b", "c"}})},
                       {"FlatLabels", object({{"a", "b"}, {"c", "d"}})},
                       {"Kind", "CanonicalUser"},
                       {"Nested", object({{"Text", "in"}})}});
  HttpResponse response =
      rest_xml().encode_response(kRestXmlService, kPutItem, object({{"Item", item}}), "id");
  EXPECT_NE(
      response.body.find("<ItemRoot xmlns=\"http://restxmlish.amazonaws.com/doc/2020-01-01/\" "
                         "xsi:type=\"CanonicalUser\"><Text>a&lt;&amp;&gt;&#xD;\n&quot;'</Text>"),
      std::string::npos)
      << response.body;
  Result<Value> back = decode_item(response.body);
  ASSERT_TRUE(back) << back.error().message;
  for (const auto& [name, value] : *item.as_object()) {
    ASSERT_TRUE(back->find("Item")->find(name)) << name;
    EXPECT_EQ(*back->find("Item")->find(name), value) << name;
  }
}

// XML 1.0 excludes most control characters and invalid UTF-8; readers refuse such documents.
TEST(RestXml, Any_bytes_are_written_as_well_formed_text) {
  const std::string_view good[] = {"", "plain", "tab\tline\n", "\x7f",
                                   "\xc2\x80\xe6\x9c\xa8\xf0\x9f\x92\xa9"};
  for (std::string_view text : good) {
    std::string out;
    write_xml_text(text, out);
    EXPECT_EQ(out, text);
    EXPECT_TRUE(is_xml_text(text));
  }
  const std::string replaced = "\xEF\xBF\xBD";
  // Text is looked at in blocks: what is written differently may come at any place of one.
  for (std::size_t at = 0; at < 50; ++at)
    for (const auto& [odd, expected] : {std::pair<std::string, std::string>{"&", "&amp;"},
                                        {"\r", "&#xD;"},
                                        {"\x01", replaced},
                                        {"\xc3\xbc", "\xc3\xbc"},
                                        {"\x7f", "\x7f"},
                                        {"\xff", replaced}}) {
      std::string out;
      write_xml_text(std::string(at, 'x') + odd + std::string(49 - at, 'y'), out);
      EXPECT_EQ(out, std::string(at, 'x') + expected + std::string(49 - at, 'y'));
    }
  const std::pair<std::string, std::string> bad[] = {
      {"a\x01z", "a" + replaced + "z"},
      {std::string("a\0z", 3), "a" + replaced + "z"},
      {"\x1f\x0b", replaced + replaced},
      {"\xef\xbf\xbe", replaced + replaced + replaced},  // U+FFFE
      {"\xed\xa0\x80", replaced + replaced + replaced},  // a surrogate
      {"\xff<\xc3", replaced + "&lt;" + replaced},
      {"\xe6\x9c", replaced + replaced},
  };
  for (const auto& [text, expected] : bad) {
    std::string out;
    write_xml_text(text, out);
    EXPECT_EQ(out, expected);
    EXPECT_FALSE(is_xml_text(text));
  }
}

TEST(S3, Answers_look_like_S3s) {
  const Operation& list = *schema::find_operation(kS3Service, "ListObjectsV2");
  HttpResponse response = rest_xml().encode_response(
      kS3Service, list,
      object({{"Name", "b"},
              {"Modified", Timestamp{1'700'000'000'000'000}},
              {"Contents", ValueList{object({{"Key", "k"}}), object({{"Key", "l"}})}}}),
      "R1");
  EXPECT_EQ(response.body,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
            "<LastModified>2023-11-14T22:13:20.000Z</LastModified><Contents><Key>k</Key>"
            "</Contents><Contents><Key>l</Key></Contents></ListBucketResult>");
  EXPECT_EQ(response.headers.get("x-amz-request-id"), "R1");
  EXPECT_FALSE(response.headers.get("x-amz-id-2").empty());

  const Operation& location = *schema::find_operation(kS3Service, "GetBucketLocation");
  response = rest_xml().encode_response(kS3Service, location,
                                        object({{"LocationConstraint", "eu-west-1"}}), "R1");
  EXPECT_TRUE(response.body.ends_with("/\">eu-west-1</LocationConstraint>")) << response.body;
}

TEST(S3, Errors_look_like_S3s) {
  HttpRequest request = request_with("");
  Error error{"NoSuchKey", "The specified key does not exist.", 404, {{"Key", "a&b"}}};
  HttpResponse response = rest_xml().encode_error(kS3Service, nullptr, error, "R1", request);
  EXPECT_EQ(response.status, 404);
  EXPECT_TRUE(response.body.starts_with(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The "
      "specified key does not exist.</Message><Key>a&amp;b</Key><RequestId>R1</RequestId>"
      "<HostId>"))
      << response.body;
  std::size_t length = response.body.size();
  request.method = "HEAD";
  response = rest_xml().encode_error(kS3Service, nullptr, error, "R1", request);
  EXPECT_TRUE(response.body.empty());
  EXPECT_EQ(response.head_content_length, length);
  error.http_status = 304;
  response = rest_xml().encode_error(kS3Service, nullptr, error, "R1", request);
  EXPECT_FALSE(response.head_content_length);
  EXPECT_FALSE(response.headers.find("content-type"));
}

TEST(S3, Streaming_body_is_no_part_of_the_value) {
  const Operation& put = *schema::find_operation(kS3Service, "PutObject");
  Result<Value> value = rest_xml().decode_request(kS3Service, put, request_with("bytes"),
                                                  {{"Bucket", "b"}, {"Key", "k"}});
  ASSERT_TRUE(value);
  EXPECT_FALSE(value->find("Body"));
  EXPECT_EQ(streaming_payload(put.input)->name, "Body");
  EXPECT_EQ(streaming_payload(kInvoke.input), nullptr);
  EXPECT_EQ(streaming_payload(nullptr), nullptr);
}

}  // namespace
}  // namespace tidemill::wire
