// Generated structs to Values and back, from a table per struct: the generated sources hold only
// tables. Values carry the model's member names ("TrainingJobName"); protocols turn them into wire
// names. Only generated sources and api/ include this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/box.h"
#include "base/error.h"
#include "base/value.h"

namespace tidemill::api::binding {

// How a member's C++ type is written and read; one constant per type.
struct TypeOps {
  // Null: the member is unset and left out.
  Value (*write)(const void* member);
  Result<void> (*read)(const Value& in, void* member);
};

struct Field {
  std::string_view name;
  std::uint32_t offset;
  const TypeOps* type;
};

// A structure. Reading leaves members that are absent or null as they are and ignores unknown ones;
// an error (Tidemill.Invalid) names the member: "VpcConfig.Subnets.1 is not a string".
Value write_structure(std::span<const Field> fields, const void* object);
Result<void> read_structure(std::span<const Field> fields, const Value& in, void* object);

Value write(bool value);
Value write(std::int64_t value);
Value write(double value);
Value write(const std::string& value);
Value write(const Blob& value);
Value write(Timestamp value);
Value write(const Value& value);
Result<void> read(const Value& in, bool& out);
Result<void> read(const Value& in, std::int64_t& out);
Result<void> read(const Value& in, double& out);  // NaN and infinities also as strings
Result<void> read(const Value& in, std::string& out);
Result<void> read(const Value& in, Blob& out);       // or base64 text
Result<void> read(const Value& in, Timestamp& out);  // or a number: seconds since the epoch
Result<void> read(const Value& in, Value& out);

std::unexpected<Error> not_a(const char* kind);
// Puts `name` before the path in the error's message.
Error inside(std::string_view name, Error error);

// Structures, by their own to_value and from_value.
template <class T>
Value write(const T& value)
  requires requires { to_value(value); }
{
  return to_value(value);
}
template <class T>
Result<void> read(const Value& in, T& out)
  requires requires { from_value(in, out); }
{
  return from_value(in, out);
}

template <class T>
Value write(const std::optional<T>& value);
template <class T>
Value write(const std::vector<T>& list);
template <class T>
Value write(const std::map<std::string, T>& map);
template <class T>
Result<void> read(const Value& in, std::optional<T>& out);
template <class T>
Result<void> read(const Value& in, std::vector<T>& out);
template <class T>
Result<void> read(const Value& in, std::map<std::string, T>& out);

template <class T>
Value write_member(const void* member) {
  return write(*static_cast<const T*>(member));
}
template <class T>
Result<void> read_member(const Value& in, void* member) {
  return read(in, *static_cast<T*>(member));
}

// The loops over elements, compiled once; `stride` is the size of an element in bytes.
Value write_list(const void* first, std::size_t count, std::size_t stride,
                 Value (*write_element)(const void* element));
Result<void> read_list(const ValueList& in, void* first, std::size_t stride,
                       Result<void> (*read_element)(const Value& in, void* element));
// element(map, key) makes the element.
Result<void> read_map(const Value& in, void* map, void* (*element)(void* map, const std::string&),
                      Result<void> (*read_element)(const Value& in, void* element));

template <class T>
Value write(const std::optional<T>& value) {
  return value ? write(*value) : Value();
}
template <class T>
Result<void> read(const Value& in, std::optional<T>& out) {
  return read(in, out.emplace());
}

template <class T>
Value write(const std::vector<T>& list) {
  return write_list(list.data(), list.size(), sizeof(T), &write_member<T>);
}
template <class T>
Result<void> read(const Value& in, std::vector<T>& out) {
  const ValueList* list = in.as_list();
  if (!list) return not_a("a list");
  out = std::vector<T>(list->size());
  return read_list(*list, out.data(), sizeof(T), &read_member<T>);
}

template <class T>
Value write(const std::map<std::string, T>& map) {
  ValueObject object;
  object.reserve(map.size());
  for (const auto& [key, value] : map) object.append(key, write(value));
  return object;
}
template <class T>
Result<void> read(const Value& in, std::map<std::string, T>& out) {
  out.clear();
  return read_map(
      in, &out,
      [](void* map, const std::string& key) -> void* {
        return &(*static_cast<std::map<std::string, T>*>(map))[key];
      },
      &read_member<T>);
}

// Assigns without the members' own assignments, which would be a third of a generated source file.
// `from` may lie inside `to`.
template <class T>
T& replace(T& to, T&& from) noexcept {
  T value(std::move(from));
  std::destroy_at(&to);
  return *std::construct_at(&to, std::move(value));
}

template <class T>
inline constexpr TypeOps kOps{&write_member<T>, &read_member<T>};

}  // namespace tidemill::api::binding
