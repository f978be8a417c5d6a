#include "wire/protocols/event_stream.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "wire/protocols/protocol.h"
#include "wire/test_schemas.h"

namespace tidemill::wire {
namespace {

using namespace schema;  // NOLINT

EventMessage everything() {
  EventMessage message;
  message.headers = {{"true", true},
                     {"byte", std::int8_t(-1)},
                     {"short", std::int16_t(-2)},
                     {"int", std::int32_t(-3)},
                     {"long", std::int64_t(-4)},
                     {"bytes", Blob{std::string("\0\xff", 2)}},
                     {"text", std::string("t")},
                     {"time", Timestamp{1'700'000'000'123'000}},
                     {"uuid", EventUuid{1, 2, 3}},
                     {"false", false}};
  message.payload = "payload";
  return message;
}

TEST(EventStream, Written_messages_read_back) {
  EventMessage message = everything();
  std::string bytes = encode_event_message(message);
  Result<DecodedEvent> back = decode_event_message(bytes + "more");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->consumed_bytes, bytes.size());
  EXPECT_EQ(back->message.payload, "payload");
  EXPECT_EQ(back->message.headers, message.headers);
  EXPECT_EQ(back->message.text_header("text"), "t");
}

// From the AWS SDKs' shared test vectors: an empty message, and "int32" = 40972 with
// '{'foo':'bar'}'.
TEST(EventStream, Known_bytes) {
  EXPECT_EQ(encode_hex(encode_event_message({})), "000000100000000005c248eb7d98c8ff");
  EventMessage message{{{"event-type", std::int32_t(40972)}}, "{'foo':'bar'}"};
  EXPECT_EQ(encode_hex(encode_event_message(message)),
            "0000002d00000010"
            "41c424b8"
            "0a6576656e742d74797065"
            "040000a00c"
            "7b27666f6f273a27626172277d"
            "36f480a0");
}

TEST(EventStream, Cut_off_is_not_yet_and_broken_is_an_error) {
  std::string bytes = encode_event_message(everything());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    Result<DecodedEvent> part = decode_event_message(std::string_view(bytes).substr(0, length));
    ASSERT_TRUE(part) << length;
    EXPECT_EQ(part->consumed_bytes, 0u);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string broken = bytes;
    broken[i] = char(broken[i] ^ 1);
    EXPECT_FALSE(decode_event_message(broken)) << i;
  }
}

constexpr Member kPartMembers[] = {
    {.name = "Bytes", .wire_name = "Bytes", .shape = &test::kBlob, .event_payload = true}};
constexpr Shape kPart{.name = "PayloadPart", .members = kPartMembers, .event = true};
constexpr Member kNoteMembers[] = {
    {.name = "Level", .wire_name = "Level", .shape = &test::kString, .event_header = true},
    {.name = "Text", .wire_name = "Text", .shape = &test::kString}};
constexpr Shape kNote{.name = "Note", .members = kNoteMembers, .event = true};
constexpr Member kStreamMembers[] = {
    {.name = "PayloadPart", .wire_name = "PayloadPart", .shape = &kPart},
    {.name = "Note", .wire_name = "Note", .shape = &kNote},
    {.name = "ModelError", .wire_name = "ModelError", .shape = &test::kModelError}};
constexpr Shape kStream{.name = "Stream", .members = kStreamMembers, .event_stream = true};

ValueObject one(const char* name, Value value) {
  ValueObject out;
  out.append(name, std::move(value));
  return out;
}

// Assembled by hand from the format's description, with checksums by zlib.
TEST(EventStream, Blob_events) {
  const std::string bytes = encode_blob_event("PayloadPart", "abc");
  EXPECT_EQ(encode_hex(bytes),
            "0000006c000000592b57ac750d3a6d6573736167652d747970650700056576656e740b3a6576656e"
            "742d7479706507000b5061796c6f6164506172740d3a636f6e74656e742d74797065070018617070"
            "6c69636174696f6e2f6f637465742d73747265616d6162639553a074");
  EXPECT_EQ(bytes, codec_for(Protocol::rest_json_1)
                       .encode_event(kStream, one("PayloadPart", one("Bytes", Blob{"abc"}))));
}

TEST(EventStream, Modelled_events) {
  const Codec& codec = codec_for(Protocol::rest_json_1);
  auto decoded = decode_event_message(
      codec.encode_event(kStream, one("PayloadPart", one("Bytes", Blob{"abc"}))));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->message.text_header(":message-type"), "event");
  EXPECT_EQ(decoded->message.text_header(":event-type"), "PayloadPart");
  EXPECT_EQ(decoded->message.text_header(":content-type"), "application/octet-stream");
  EXPECT_EQ(decoded->message.payload, "abc");

  ValueObject note = one("Level", "info");
  note.append("Text", "t");
  decoded = decode_event_message(codec.encode_event(kStream, one("Note", note)));
  EXPECT_EQ(decoded->message.text_header("Level"), "info");
  EXPECT_EQ(decoded->message.payload, R"({"Text":"t"})");

  decoded = decode_event_message(
      codec.encode_event_error(kStream, {"ModelError", "m", 0, {{"OriginalMessage", "o"}}}));
  EXPECT_EQ(decoded->message.text_header(":message-type"), "exception");
  EXPECT_EQ(decoded->message.text_header(":exception-type"), "ModelError");
  EXPECT_EQ(decoded->message.payload, R"({"Message":"m","OriginalMessage":"o"})");

  decoded = decode_event_message(codec.encode_event_error(kStream, {"Other", "m"}));
  EXPECT_EQ(decoded->message.text_header(":message-type"), "error");
  EXPECT_EQ(decoded->message.text_header(":error-code"), "Other");
}

}  // namespace
}  // namespace tidemill::wire
