#include "api/binding.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/encoding.h"

namespace tidemill::api::binding {

std::unexpected<Error> not_a(const char* kind) {
  return fail(codes::kInvalid, std::string("the value is not ") + kind);
}

Error inside(std::string_view name, Error error) {
  // "the value is not x" becomes "Name is not x", then "Outer.Name is not x".
  constexpr std::string_view kHere = "the value";
  if (error.message.starts_with(kHere))
    error.message.replace(0, kHere.size(), name);
  else
    error.message.insert(0, std::string(name) + ".");
  return error;
}

Value write_structure(std::span<const Field> fields, const void* object) {
  // The members that a structure usually has; most of the others are absent.
  constexpr std::size_t kMembersUsual = 8;
  ValueObject out;
  out.reserve(std::min(fields.size(), kMembersUsual));
  for (const Field& field : fields) {
    Value value = field.type->write(static_cast<const char*>(object) + field.offset);
    if (!value.is_null()) out.append(std::string(field.name), std::move(value));
  }
  return out;
}

Result<void> read_structure(std::span<const Field> fields, const Value& in, void* object) {
  const ValueObject* members = in.as_object();
  if (!members) return not_a("an object");
  // Readers mostly keep the model's order, so guess the next field first.
  std::size_t guess = 0;
  for (const auto& [name, value] : *members) {
    if (value.is_null()) continue;
    for (std::size_t tried = 0; tried < fields.size(); ++tried, ++guess) {
      const Field& field = fields[guess % fields.size()];
      if (field.name != name) continue;
      Result<void> result = field.type->read(value, static_cast<char*>(object) + field.offset);
      if (!result) return fail(inside(name, std::move(result.error())));
      ++guess;
      break;
    }
  }
  return {};
}

Value write_list(const void* first, std::size_t count, std::size_t stride,
                 Value (*write_element)(const void* element)) {
  ValueList values;
  values.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    values.push_back(write_element(static_cast<const char*>(first) + i * stride));
  return values;
}

Result<void> read_list(const ValueList& in, void* first, std::size_t stride,
                       Result<void> (*read_element)(const Value& in, void* element)) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    Result<void> result = read_element(in[i], static_cast<char*>(first) + i * stride);
    if (!result) return fail(inside(std::to_string(i + 1), std::move(result.error())));
  }
  return {};
}

Result<void> read_map(const Value& in, void* map, void* (*element)(void* map, const std::string&),
                      Result<void> (*read_element)(const Value& in, void* element)) {
  const ValueObject* object = in.as_object();
  if (!object) return not_a("an object");
  for (const auto& [key, value] : *object) {
    Result<void> result = read_element(value, element(map, key));
    if (!result) return fail(inside(key, std::move(result.error())));
  }
  return {};
}

Value write(bool value) { return value; }
Value write(std::int64_t value) { return value; }
Value write(double value) { return value; }
Value write(const std::string& value) { return value; }
Value write(const Blob& value) { return value; }
Value write(Timestamp value) { return value; }
Value write(const Value& value) { return value; }

Result<void> read(const Value& in, bool& out) {
  const bool* found = in.get_if<bool>();
  if (!found) return not_a("a boolean");
  out = *found;
  return {};
}

Result<void> read(const Value& in, std::int64_t& out) {
  const std::int64_t* found = in.get_if<std::int64_t>();
  if (!found) return not_a("an integer");
  out = *found;
  return {};
}

Result<void> read(const Value& in, double& out) {
  if (const double* real = in.get_if<double>()) {
    out = *real;
  } else if (const std::int64_t* whole = in.get_if<std::int64_t>()) {
    out = static_cast<double>(*whole);
  } else {
    const std::string* name = in.as_string();
    if (name && *name == "NaN")
      out = std::numeric_limits<double>::quiet_NaN();
    else if (name && *name == "Infinity")
      out = std::numeric_limits<double>::infinity();
    else if (name && *name == "-Infinity")
      out = -std::numeric_limits<double>::infinity();
    else
      return not_a("a number");
  }
  return {};
}

Result<void> read(const Value& in, std::string& out) {
  const std::string* found = in.as_string();
  if (!found) return not_a("a string");
  out = *found;
  return {};
}

Result<void> read(const Value& in, Blob& out) {
  if (const Blob* blob = in.get_if<Blob>()) {
    out = *blob;
    return {};
  }
  const std::string* text = in.as_string();
  if (!text) return not_a("a blob");
  auto bytes = decode_base64(*text);
  if (!bytes) return not_a("base64 text");
  out.bytes = std::move(*bytes);
  return {};
}

Result<void> read(const Value& in, Timestamp& out) {
  if (const Timestamp* time = in.get_if<Timestamp>()) {
    out = *time;
    return {};
  }
  // Larger values do not fit into 64 bits of microseconds and are refused.
  constexpr double kSecondsMax = 9e12;
  double seconds = 0;
  if (const std::int64_t* whole = in.get_if<std::int64_t>()) {
    if (std::abs(static_cast<double>(*whole)) > kSecondsMax) return not_a("a timestamp");
    out.microseconds = *whole * 1'000'000;
    return {};
  }
  if (const double* real = in.get_if<double>())
    seconds = *real;
  else
    return not_a("a timestamp");
  if (!(std::abs(seconds) <= kSecondsMax)) return not_a("a timestamp");
  out.microseconds = std::llround(seconds * 1e6);
  return {};
}

Result<void> read(const Value& in, Value& out) {
  out = in;
  return {};
}

}  // namespace tidemill::api::binding
