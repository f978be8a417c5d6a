#include "wire/protocols/cbor.h"

#include <cmath>

#include "base/encoding.h"
#include "base/json.h"
#include "wire/protocols/codec_test_support.h"

namespace tidemill::wire {
namespace {

using namespace test;  // NOLINT

std::string json_of(const char* hex) {
  Result<Value> value = parse_cbor(decode_hex(hex).value());
  return value ? write_json(*value) : "error";
}

// Appendix A of RFC 8949.
TEST(Cbor, Reads_the_examples_of_the_standard) {
  EXPECT_EQ(json_of("00"), "0");
  EXPECT_EQ(json_of("1818"), "24");
  EXPECT_EQ(json_of("1b000000e8d4a51000"), "1000000000000");
  EXPECT_EQ(json_of("3903e7"), "-1000");
  EXPECT_EQ(json_of("f93c00"), "1.0");
  EXPECT_EQ(json_of("f90001"), "5.960464477539063e-08");
  EXPECT_EQ(json_of("f9c400"), "-4.0");
  EXPECT_EQ(json_of("f97c00"), "\"Infinity\"");
  EXPECT_EQ(json_of("fa47c35000"), "1e+05");
  EXPECT_EQ(json_of("fb3ff199999999999a"), "1.1");
  EXPECT_EQ(json_of("f4"), "false");
  EXPECT_EQ(json_of("f6"), "null");
  EXPECT_EQ(json_of("f7"), "null");
  EXPECT_EQ(json_of("4401020304"), "\"AQIDBA==\"");
  EXPECT_EQ(json_of("62c3bc"), "\"\xc3\xbc\"");
  EXPECT_EQ(json_of("83010203"), "[1,2,3]");
  EXPECT_EQ(json_of("a26161016162820203"), R"({"a":1,"b":[2,3]})");
  EXPECT_EQ(json_of("5f42010243030405ff"), "\"AQIDBAU=\"");
  EXPECT_EQ(json_of("7f657374726561646d696e67ff"), "\"streaming\"");
  EXPECT_EQ(json_of("9f018202039f0405ffff"), "[1,[2,3],[4,5]]");
  EXPECT_EQ(json_of("bf61610161629f0203ffff"), R"({"a":1,"b":[2,3]})");
  EXPECT_EQ(json_of("c11a514b67b0"), "1363896240");
  EXPECT_EQ(json_of("c1fb41d452d9ec200000"), "1363896240.5");
}

TEST(Cbor, Refuses_what_is_malformed) {
  for (const char* bad : {"",
                          "18",
                          "1c",
                          "62c3",
                          "61ff",
                          "9b00ffffffffffffff",
                          "bb00ffffffffffffff",
                          "8201",
                          "ff",
                          "a10102",
                          "5f6161ff",
                          "5f5f4101ffff",
                          "0000",
                          "c1f6",
                          "c16161",
                          "c1fb7ff0000000000000",
                          "1f",
                          "df",
                          "f8ff",
                          "7bffffffffffffffff"})
    EXPECT_EQ(json_of(bad), "error") << bad;
  std::string deep(100'000, '\x81');
  EXPECT_FALSE(parse_cbor(deep));
}

TEST(Cbor, Written_values_read_back) {
  Value value = object({{"i", std::int64_t(-9'000'000'000)},
                        {"d", 0.1},
                        {"t", Timestamp{1'700'000'000'123'000}},
                        {"b", Blob{std::string(300, '\xff')}},
                        {"l", ValueList{1, "x", true, 2.5}}});
  std::string bytes;
  write_cbor(value, bytes);
  Result<Value> back = parse_cbor(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, value);
}

TEST(RpcV2Cbor, Request_and_response) {
  const Codec& codec = codec_for(Protocol::rpc_v2_cbor);
  std::string body;
  write_cbor(object({{"Text", "t"}, {"Ratio", 2}, {"Time", Timestamp{5'000'000}}}), body);
  Result<Value> value =
      codec.decode_request(kCborService, kQueryOperations[0], request_with(body), {});
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(*value->find("Ratio"), Value(2.0));
  EXPECT_EQ(*value->find("Time"), Value(Timestamp{5'000'000}));

  HttpResponse response =
      codec.encode_response(kCborService, kQueryOperations[0],
                            object({{"Text", "t"}, {"Ratio", 2}, {"Unknown", 1}}), "id");
  EXPECT_EQ(response.headers.get("smithy-protocol"), "rpc-v2-cbor");
  EXPECT_EQ(response.headers.get("content-type"), "application/cbor");
  EXPECT_EQ(write_json(parse_cbor(response.body).value()), R"({"Text":"t","Ratio":2.0})");

  std::string wrong;
  write_cbor(object({{"Count", "x"}}), wrong);
  EXPECT_EQ(
      codec.decode_request(kCborService, kQueryOperations[0], request_with(wrong), {}).error().code,
      "SerializationException");
  EXPECT_FALSE(codec.decode_request(kCborService, kQueryOperations[0], request_with("\xff"), {}));
}

TEST(RpcV2Cbor, Errors) {
  HttpResponse response = codec_for(Protocol::rpc_v2_cbor)
                              .encode_error(kCborService, &kQueryOperations[0],
                                            {"NoSuchThing", "m"}, "id", request_with(""));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(write_json(parse_cbor(response.body).value()),
            R"({"__type":"com.amazonaws.monitoring#NoSuchThing","message":"m"})");
  EXPECT_EQ(response.headers.get("x-amzn-query-error"), "AWS.Old.NoSuchThing;Sender");
}

}  // namespace
}  // namespace tidemill::wire
