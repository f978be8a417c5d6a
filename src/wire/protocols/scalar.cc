#include "wire/protocols/scalar.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/json.h"
#include "wire/protocols/utf8.h"

namespace tidemill::wire {
namespace {

using schema::Shape;
using schema::ShapeType;

// 0000-01-01 and 9999-12-31, in seconds.
constexpr double kTimestampSecondsMin = -62'167'219'200.0;
constexpr double kTimestampSecondsMax = 253'402'300'799.999;

std::unexpected<Error> bad(std::string_view text, ShapeType type, std::string_view where) {
  std::string shown(text.substr(0, 64));
  return fail(codes::kInvalid, "'" + shown + "' can not be converted to " +
                                   std::string(type_name(type)) + " at member '" +
                                   std::string(where) + "'");
}

// Most of what headers and paths contain, which are too short for simdjson to be quick.
bool is_ascii(std::string_view text) {
  unsigned char bits = 0;
  for (const char c : text) bits |= static_cast<unsigned char>(c);
  return bits < 0x80;
}

Result<double> parse_double(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  // The protocols do not accept other spellings of "inf" and "nan".
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
    return fail(codes::kInvalid, "no number");
  return number;
}

}  // namespace

TimestampFormat timestamp_format(const schema::Member* member, const Shape& shape,
                                 TimestampFormat fallback) {
  if (member && member->timestamp_format != TimestampFormat::unspecified)
    return member->timestamp_format;
  if (shape.timestamp_format != TimestampFormat::unspecified) return shape.timestamp_format;
  return fallback;
}

Result<Timestamp> timestamp_from_seconds(double seconds) {
  if (!(seconds >= kTimestampSecondsMin && seconds <= kTimestampSecondsMax))
    return fail(codes::kInvalid, "a timestamp outside of years 0 to 9999");
  // Far from the epoch a double is exact only to milliseconds, no longer to microseconds.
  constexpr double kMicrosecondsExactUpTo = 8e9;
  if (std::abs(seconds) > kMicrosecondsExactUpTo)
    return Timestamp{std::llround(seconds * 1e3) * 1000};
  return Timestamp{std::llround(seconds * 1e6)};
}

Result<Timestamp> parse_timestamp(std::string_view text, TimestampFormat format) {
  if (format == TimestampFormat::unix_timestamp) {
    Result<double> seconds = parse_double(text);
    if (seconds) return timestamp_from_seconds(*seconds);
  }
  if (format == TimestampFormat::rfc822) {
    Result<Timestamp> time = parse_http_date(text);
    if (time) return time;
  }
  // A client that departs from the model's format uses one of the others.
  if (Result<Timestamp> time = parse_iso8601(text); time) return time;
  if (Result<Timestamp> time = parse_http_date(text); time) return time;
  double seconds = TRY(parse_double(text));
  return timestamp_from_seconds(seconds);
}

bool integer_in_range(const Shape& shape, std::int64_t number) {
  if (shape.type == ShapeType::long_integer) return true;
  return number >= std::numeric_limits<std::int32_t>::min() &&
         number <= std::numeric_limits<std::int32_t>::max();
}

Result<Value> parse_scalar(const Shape& shape, std::string_view text, TimestampFormat format,
                           std::string_view where) {
  switch (shape.type) {
    case ShapeType::boolean:
      if (text == "true" || text == "True" || text == "TRUE") return Value(true);
      if (text == "false" || text == "False" || text == "FALSE") return Value(false);
      return bad(text, shape.type, where);
    case ShapeType::integer:
    case ShapeType::long_integer: {
      std::int64_t number = 0;
      auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc() || end != text.data() + text.size() ||
          !integer_in_range(shape, number))
        return bad(text, shape.type, where);
      return Value(number);
    }
    case ShapeType::float_number:
    case ShapeType::double_number: {
      Result<double> number = parse_double(text);
      if (!number) return bad(text, shape.type, where);
      return Value(*number);
    }
    case ShapeType::string:
      if (!is_ascii(text) && !is_valid_utf8(text))
        return fail(codes::kInvalid,
                    "text that is not UTF-8 at member '" + std::string(where) + "'");
      return Value(text);
    case ShapeType::blob: {
      Result<std::string> bytes = decode_base64(text);
      if (!bytes) return bad(text, shape.type, where);
      return Value(Blob{std::move(*bytes)});
    }
    case ShapeType::timestamp: {
      Result<Timestamp> time = parse_timestamp(text, format);
      if (!time) return bad(text, shape.type, where);
      return Value(*time);
    }
    case ShapeType::document: {
      Result<Value> value = parse_json(text);
      if (!value) return bad(text, shape.type, where);
      return value;
    }
    default:
      return bad(text, shape.type, where);
  }
}

std::string format_number(double number, bool single_precision) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  char buffer[32];
  auto [end, error] = single_precision
                          ? std::to_chars(buffer, buffer + sizeof buffer, float(number))
                          : std::to_chars(buffer, buffer + sizeof buffer, number);
  std::string text(buffer, end);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

std::string format_timestamp(Timestamp time, TimestampFormat format) {
  // AWS has milliseconds at most; rounded down, so that a time is never in the future.
  std::int64_t milliseconds = time.microseconds / 1000;
  if (time.microseconds % 1000 < 0) --milliseconds;
  if (format == TimestampFormat::rfc822) return format_http_date({milliseconds * 1000});
  if (format == TimestampFormat::iso8601) return format_iso8601({milliseconds * 1000});
  std::int64_t seconds = milliseconds / 1000, fraction = milliseconds % 1000;
  // Negative times have one sign in front: -1500 ms is -1.5.
  std::string text = milliseconds < 0 && seconds == 0 ? "-0" : std::to_string(seconds);
  if (fraction != 0) {
    std::string digits = std::to_string(1000 + std::abs(fraction)).substr(1);
    while (digits.ends_with('0')) digits.pop_back();
    text += "." + digits;
  }
  return text;
}

std::string format_scalar(const Shape& shape, const Value& value, TimestampFormat format) {
  if (const std::string* text = value.as_string())
    return shape.type == ShapeType::blob ? encode_base64(*text) : *text;
  if (const bool* boolean = value.get_if<bool>()) return *boolean ? "true" : "false";
  if (const std::int64_t* number = value.get_if<std::int64_t>()) return std::to_string(*number);
  if (const double* number = value.get_if<double>())
    return format_number(*number, shape.type == ShapeType::float_number);
  if (const Blob* blob = value.get_if<Blob>()) return encode_base64(blob->bytes);
  if (const Timestamp* time = value.get_if<Timestamp>()) return format_timestamp(*time, format);
  if (shape.type == ShapeType::document) return write_json(value);
  return "";
}

std::string_view type_name(ShapeType type) {
  switch (type) {
    case ShapeType::boolean:
      return "a Boolean";
    case ShapeType::integer:
      return "an Integer";
    case ShapeType::long_integer:
      return "a Long";
    case ShapeType::float_number:
      return "a Float";
    case ShapeType::double_number:
      return "a Double";
    case ShapeType::string:
      return "a String";
    case ShapeType::blob:
      return "a Blob";
    case ShapeType::timestamp:
      return "a Timestamp";
    case ShapeType::structure:
      return "a Structure";
    case ShapeType::list:
      return "a List";
    case ShapeType::map:
      return "a Map";
    case ShapeType::document:
      return "a Document";
  }
  return "a value";
}

}  // namespace tidemill::wire
