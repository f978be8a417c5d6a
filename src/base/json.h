// JSON text to Values and back. simdjson reads; our own code writes, since key order and number
// formats are part of stored and signed text.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/value.h"

namespace tidemill {

// Integers that fit become int64, other numbers double. Tidemill.Invalid on malformed text, text
// after the end, invalid UTF-8, or nesting deeper than limits::json_depth_max.
Result<Value> parse_json(std::string_view text);

// Blobs are written as base64, timestamps as seconds with a fraction (awsJson's form); doubles in
// the shortest form that reads back the same; NaN and infinities as strings "NaN", "Infinity",
// "-Infinity" (as the AWS JSON protocols do).
std::string write_json(const Value& value);
void write_json(const Value& value, std::string& out);
// With two-space indents: for files that people read.
std::string write_json_pretty(const Value& value);
// Writes `text` with quotes and escapes; invalid UTF-8 becomes U+FFFD.
void write_json_string(std::string_view text, std::string& out);

}  // namespace tidemill
