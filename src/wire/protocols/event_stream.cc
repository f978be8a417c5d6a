#include "wire/protocols/event_stream.h"

#include <zlib.h>

#include <cstring>
#include <limits>

#include "wire/protocols/typed_value.h"

namespace tidemill::wire {
namespace {

constexpr std::size_t kPreludeBytes = 12;  // two lengths and their checksum
constexpr std::size_t kChecksumBytes = 4;

enum class HeaderType : unsigned char {
  true_value,
  false_value,
  int8,
  int16,
  int32,
  int64,
  bytes,
  text,
  timestamp,
  uuid,
};

std::uint32_t checksum(std::string_view bytes) {
  return std::uint32_t(crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), uInt(bytes.size())));
}

template <class Integer>
void append_big_endian(std::string& out, Integer number) {
  auto bits = static_cast<std::make_unsigned_t<Integer>>(number);
  for (int shift = int(sizeof(Integer)) * 8 - 8; shift >= 0; shift -= 8)
    out += char(bits >> shift & 255);
}

template <class Integer>
Integer big_endian_at(std::string_view bytes, std::size_t offset) {
  std::make_unsigned_t<Integer> bits = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    bits = std::make_unsigned_t<Integer>(bits << 8 | static_cast<unsigned char>(bytes[offset + i]));
  return static_cast<Integer>(bits);
}

struct HeaderWriter {
  std::string& out;

  void type(HeaderType type) { out += char(type); }
  void operator()(bool value) { type(value ? HeaderType::true_value : HeaderType::false_value); }
  void operator()(std::int8_t value) {
    type(HeaderType::int8);
    append_big_endian(out, value);
  }
  void operator()(std::int16_t value) {
    type(HeaderType::int16);
    append_big_endian(out, value);
  }
  void operator()(std::int32_t value) {
    type(HeaderType::int32);
    append_big_endian(out, value);
  }
  void operator()(std::int64_t value) {
    type(HeaderType::int64);
    append_big_endian(out, value);
  }
  void operator()(const Blob& value) {
    type(HeaderType::bytes);
    sized(value.bytes);
  }
  void operator()(const std::string& value) {
    type(HeaderType::text);
    sized(value);
  }
  void operator()(Timestamp value) {
    type(HeaderType::timestamp);
    append_big_endian(out, value.microseconds / 1000);
  }
  void operator()(const EventUuid& value) {
    type(HeaderType::uuid);
    for (unsigned char byte : value) out += char(byte);
  }
  void sized(std::string_view bytes) {
    // The length has two bytes; longer values are cut, so that the frame stays valid.
    bytes = bytes.substr(0, std::numeric_limits<std::int16_t>::max());
    append_big_endian(out, std::uint16_t(bytes.size()));
    out += bytes;
  }
};

// Reads the header block; every step checks how many bytes are left.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view block) : rest_(block) {}

  Result<void> read(EventMessage& message) {
    while (!rest_.empty()) {
      std::string_view length = TRY(take(1));
      std::string_view name = TRY(take(static_cast<unsigned char>(length[0])));
      if (name.empty()) return fail(codes::kInvalid, "an event header without a name");
      std::string_view type = TRY(take(1));
      EventHeaderValue value = TRY(read_value(static_cast<unsigned char>(type[0])));
      message.headers.emplace_back(std::string(name), std::move(value));
    }
    return {};
  }

 private:
  Result<std::string_view> take(std::size_t count) {
    if (rest_.size() < count) return fail(codes::kInvalid, "an event header is cut off");
    std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  template <class Integer>
  Result<EventHeaderValue> read_integer() {
    std::string_view bytes = TRY(take(sizeof(Integer)));
    return EventHeaderValue(big_endian_at<Integer>(bytes, 0));
  }
  Result<std::string_view> take_sized() {
    std::string_view length = TRY(take(2));
    return take(big_endian_at<std::uint16_t>(length, 0));
  }
  Result<EventHeaderValue> read_value(unsigned char type) {
    switch (HeaderType(type)) {
      case HeaderType::true_value:
        return EventHeaderValue(true);
      case HeaderType::false_value:
        return EventHeaderValue(false);
      case HeaderType::int8:
        return read_integer<std::int8_t>();
      case HeaderType::int16:
        return read_integer<std::int16_t>();
      case HeaderType::int32:
        return read_integer<std::int32_t>();
      case HeaderType::int64:
        return read_integer<std::int64_t>();
      case HeaderType::bytes: {
        std::string_view bytes = TRY(take_sized());
        return EventHeaderValue(Blob{std::string(bytes)});
      }
      case HeaderType::text: {
        std::string_view bytes = TRY(take_sized());
        return EventHeaderValue(std::string(bytes));
      }
      case HeaderType::timestamp: {
        std::string_view bytes = TRY(take(8));
        std::int64_t milliseconds = big_endian_at<std::int64_t>(bytes, 0);
        constexpr std::int64_t kLimit = std::numeric_limits<std::int64_t>::max() / 1000;
        if (milliseconds > kLimit || milliseconds < -kLimit)
          return fail(codes::kInvalid, "an event header's timestamp is out of range");
        return EventHeaderValue(Timestamp{milliseconds * 1000});
      }
      case HeaderType::uuid: {
        std::string_view bytes = TRY(take(16));
        EventUuid uuid;
        std::memcpy(uuid.data(), bytes.data(), 16);
        return EventHeaderValue(uuid);
      }
    }
    return fail(codes::kInvalid, "an event header of unknown type");
  }

  std::string_view rest_;
};

}  // namespace

std::string_view EventMessage::text_header(std::string_view name) const {
  for (const auto& [header, value] : headers)
    if (header == name)
      if (const std::string* text = std::get_if<std::string>(&value)) return *text;
  return {};
}

std::string encode_event_message(const EventMessage& message) {
  std::string block;
  for (const auto& [name, value] : message.headers) {
    std::string_view shown = std::string_view(name).substr(0, 255);
    block += char(shown.size());
    block += shown;
    std::visit(HeaderWriter{block}, value);
  }
  std::string out;
  out.reserve(kPreludeBytes + block.size() + message.payload.size() + kChecksumBytes);
  append_big_endian(
      out, std::uint32_t(kPreludeBytes + block.size() + message.payload.size() + kChecksumBytes));
  append_big_endian(out, std::uint32_t(block.size()));
  append_big_endian(out, checksum(out));
  out += block;
  out += message.payload;
  append_big_endian(out, checksum(out));
  return out;
}

Result<DecodedEvent> decode_event_message(std::string_view buffer) {
  DecodedEvent out;
  if (buffer.size() < kPreludeBytes) return out;
  std::size_t total = big_endian_at<std::uint32_t>(buffer, 0);
  std::size_t headers = big_endian_at<std::uint32_t>(buffer, 4);
  if (big_endian_at<std::uint32_t>(buffer, 8) != checksum(buffer.substr(0, 8)))
    return fail(codes::kInvalid, "an event's prelude checksum does not match");
  if (total > event_message_bytes_max || headers > event_headers_bytes_max ||
      total < kPreludeBytes + headers + kChecksumBytes)
    return fail(codes::kInvalid, "an event's lengths are out of range");
  if (buffer.size() < total) return out;
  std::string_view frame = buffer.substr(0, total);
  if (big_endian_at<std::uint32_t>(frame, total - kChecksumBytes) !=
      checksum(frame.substr(0, total - kChecksumBytes)))
    return fail(codes::kInvalid, "an event's checksum does not match");
  TRY(HeaderReader(frame.substr(kPreludeBytes, headers)).read(out.message));
  out.message.payload = std::string(
      frame.substr(kPreludeBytes + headers, total - kPreludeBytes - headers - kChecksumBytes));
  out.consumed_bytes = total;
  return out;
}

}  // namespace tidemill::wire
