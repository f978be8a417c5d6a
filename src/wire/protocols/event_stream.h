// AWS event stream framing (application/vnd.amazon.eventstream): messages of typed headers and a
// payload, with a CRC-32 of the prelude and one of the whole message.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"
#include "base/schema.h"
#include "base/value.h"

namespace tidemill::wire {

inline constexpr std::size_t event_message_bytes_max = 16u << 20;
inline constexpr std::size_t event_headers_bytes_max = 128u << 10;

using EventUuid = std::array<unsigned char, 16>;
// bool, byte, short, int, long, bytes, string, timestamp (milliseconds on the wire), uuid.
using EventHeaderValue = std::variant<bool, std::int8_t, std::int16_t, std::int32_t, std::int64_t,
                                      Blob, std::string, Timestamp, EventUuid>;

struct EventMessage {
  std::vector<std::pair<std::string, EventHeaderValue>> headers;
  std::string payload;

  // The text of a string header, or "".
  std::string_view text_header(std::string_view name) const;
};

std::string encode_event_message(const EventMessage& message);

struct DecodedEvent {
  EventMessage message;
  std::size_t consumed_bytes = 0;  // 0: the buffer does not hold a complete message yet
};
// The buffer's first message. Tidemill.Invalid for a bad checksum, bad lengths or headers.
Result<DecodedEvent> decode_event_message(std::string_view buffer);

// An event with a blob payload ("PayloadPart" of InvokeEndpointWithResponseStream), encoded without
// Values because every piece of a streamed answer needs one.
std::string encode_blob_event(std::string_view event_type, std::string_view bytes);

// A union Value with one member set, with JSON payloads (restJson1, awsJson).
std::string encode_json_event(const schema::Shape& stream, const Value& event);

}  // namespace tidemill::wire
