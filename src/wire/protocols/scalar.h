// Text forms of scalars, shared by URI labels, query strings, headers, XML and query parameters.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/schema.h"
#include "base/value.h"

namespace tidemill::wire {

using schema::TimestampFormat;

// The member's format, else the shape's, else `fallback`.
TimestampFormat timestamp_format(const schema::Member* member, const schema::Shape& shape,
                                 TimestampFormat fallback);

// `where` names the member in messages. Errors have the code Tidemill.Invalid; each protocol
// replaces it with its own.
Result<Value> parse_scalar(const schema::Shape& shape, std::string_view text,
                           TimestampFormat format, std::string_view where);
Result<Timestamp> parse_timestamp(std::string_view text, TimestampFormat format);
// Seconds since the epoch; fails outside the years 0 to 9999.
Result<Timestamp> timestamp_from_seconds(double seconds);
bool integer_in_range(const schema::Shape& shape, std::int64_t number);

// Collections have no text form: "".
std::string format_scalar(const schema::Shape& shape, const Value& value, TimestampFormat format);
// unix_timestamp: seconds with up to three decimals, as AWS sends them.
std::string format_timestamp(Timestamp time, TimestampFormat format);
// Shortest text that reads back the same; "NaN", "Infinity", "-Infinity".
std::string format_number(double number, bool single_precision);

// "a String", "an Integer": for messages.
std::string_view type_name(schema::ShapeType type);

}  // namespace tidemill::wire
