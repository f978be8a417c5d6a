// Records to Values and back, from Boost.Describe: the JSON text that lies in the store.
//
//   struct Bucket { std::string name; Timestamp created; std::optional<std::string> region; };
//   TIDEMILL_RECORD(Bucket, (), (name, created, region))   // in the header
//   TIDEMILL_RECORD_CODEC(Bucket)                          // in one source file
//
// A record of one source file takes BOOST_DESCRIBE_STRUCT(Bucket, (), (name, created, region)).
// Members: bool, integers, double, std::string, Timestamp, Blob, Value, enums described with
// BOOST_DESCRIBE_ENUM, std::optional, std::vector, std::map<std::string, T>, described structs, and
// any type with free functions `Value to_value(const T&)` and `Result<void> from_value(const
// Value&, T&)` (the generated API structs have them). An absent member keeps its default, an
// unknown one is ignored, so that records of older and newer versions read.
#pragma once

#include <array>
#include <boost/describe.hpp>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/value.h"

namespace tidemill {

namespace detail {
template <class T>
concept Described = boost::describe::has_describe_members<T>::value && !std::is_union_v<T>;
template <class T>
concept DescribedEnum = boost::describe::has_describe_enumerators<T>::value;
std::unexpected<Error> wrong_kind(const char* expected);
}  // namespace detail

inline Value to_value(bool value) { return value; }
template <class T>
  requires std::is_integral_v<T> && (!std::is_same_v<T, bool>)
Value to_value(T value) {
  return static_cast<std::int64_t>(value);
}
inline Value to_value(double value) { return value; }
inline Value to_value(const std::string& value) { return value; }
inline Value to_value(const Blob& value) { return value; }
// Microseconds, exactly: records do not round.
inline Value to_value(Timestamp value) { return value.microseconds; }
inline Value to_value(const Value& value) { return value; }

inline Result<void> from_value(const Value& in, bool& out) {
  const bool* found = in.get_if<bool>();
  if (!found) return detail::wrong_kind("a boolean");
  out = *found;
  return {};
}
template <class T>
  requires std::is_integral_v<T> && (!std::is_same_v<T, bool>)
Result<void> from_value(const Value& in, T& out) {
  const std::int64_t* found = in.get_if<std::int64_t>();
  if (!found) return detail::wrong_kind("an integer");
  // 64-bit unsigned members are kept as the signed integer of the same bits.
  if constexpr (sizeof(T) < sizeof(std::int64_t))
    if (!std::in_range<T>(*found)) return detail::wrong_kind("an integer in its member's range");
  out = static_cast<T>(*found);
  return {};
}
inline Result<void> from_value(const Value& in, double& out) {
  if (const double* real = in.get_if<double>())
    out = *real;
  else if (const std::int64_t* whole = in.get_if<std::int64_t>())
    out = double(*whole);
  else
    return detail::wrong_kind("a number");
  return {};
}
inline Result<void> from_value(const Value& in, std::string& out) {
  const std::string* found = in.as_string();
  if (!found) return detail::wrong_kind("a string");
  out = *found;
  return {};
}
Result<void> from_value(const Value& in, Blob& out);  // base64 text or a Blob
inline Result<void> from_value(const Value& in, Timestamp& out) {
  if (const Timestamp* time = in.get_if<Timestamp>())
    out = *time;
  else
    return from_value(in, out.microseconds);
  return {};
}
inline Result<void> from_value(const Value& in, Value& out) {
  out = in;
  return {};
}

// Declared before the definitions, so that they can nest in each other.
template <detail::DescribedEnum T>
Value to_value(T value);
template <detail::DescribedEnum T>
Result<void> from_value(const Value& in, T& out);
template <detail::Described T>
Value to_value(const T& record);
template <detail::Described T>
Result<void> from_value(const Value& in, T& out);
template <class T>
Value to_value(const std::optional<T>& value);
template <class T>
Result<void> from_value(const Value& in, std::optional<T>& out);
template <class T>
Value to_value(const std::vector<T>& list);
template <class T>
Result<void> from_value(const Value& in, std::vector<T>& out);
template <class T>
Value to_value(const std::map<std::string, T>& map);
template <class T>
Result<void> from_value(const Value& in, std::map<std::string, T>& out);

namespace detail {

// One member of a record, type-erased; the loops over members are in describe.cc.
struct Member {
  const char* name;
  Value (*write)(const void* record);
  Result<void> (*read)(const Value& in, void* record);
};
Value write_members(std::span<const Member> members, const void* record);
Result<void> read_members(std::span<const Member> members, const Value& in, void* record);

template <class T, class Descriptor>
Value write_member(const void* record) {
  return to_value(static_cast<const T*>(record)->*Descriptor::pointer);
}
template <class T, class Descriptor>
Result<void> read_member(const Value& in, void* record) {
  return from_value(in, static_cast<T*>(record)->*Descriptor::pointer);
}
template <class T, template <class...> class List, class... Descriptors>
std::span<const Member> member_table(List<Descriptors...>) {
  static constexpr std::array<Member, sizeof...(Descriptors)> table{
      Member{Descriptors::name, &write_member<T, Descriptors>, &read_member<T, Descriptors>}...};
  return table;
}
template <class T>
std::span<const Member> members_of() {
  using namespace boost::describe;
  return member_table<T>(describe_members<T, mod_public | mod_inherited>());
}

template <Described T>
Value write_described(const T& record) {
  return write_members(members_of<T>(), &record);
}
template <Described T>
Result<void> read_described(const Value& in, T& out) {
  return read_members(members_of<T>(), in, &out);
}

}  // namespace detail

template <detail::DescribedEnum T>
Value to_value(T value) {
  return std::string(boost::describe::enum_to_string(value, ""));
}
template <detail::DescribedEnum T>
Result<void> from_value(const Value& in, T& out) {
  const std::string* name = in.as_string();
  if (!name || !boost::describe::enum_from_string(name->c_str(), out))
    return fail(codes::kInvalid, "a stored value is not a member of its enumeration");
  return {};
}

template <detail::Described T>
Value to_value(const T& record) {
  return detail::write_described(record);
}
template <detail::Described T>
Result<void> from_value(const Value& in, T& out) {
  return detail::read_described(in, out);
}

template <class T>
Value to_value(const std::optional<T>& value) {
  return value ? to_value(*value) : Value();
}
template <class T>
Result<void> from_value(const Value& in, std::optional<T>& out) {
  if (in.is_null()) {
    out.reset();
    return {};
  }
  return from_value(in, out.emplace());
}
template <class T>
Value to_value(const std::vector<T>& list) {
  ValueList values;
  values.reserve(list.size());
  for (const T& element : list) values.push_back(to_value(element));
  return values;
}
template <class T>
Result<void> from_value(const Value& in, std::vector<T>& out) {
  const ValueList* list = in.as_list();
  if (!list) return detail::wrong_kind("a list");
  out.clear();
  for (const Value& element : *list) {
    T item{};
    TRY(from_value(element, item));
    out.push_back(std::move(item));
  }
  return {};
}
template <class T>
Value to_value(const std::map<std::string, T>& map) {
  ValueObject object;
  for (const auto& [key, value] : map) object.append(key, to_value(value));
  return object;
}
template <class T>
Result<void> from_value(const Value& in, std::map<std::string, T>& out) {
  const ValueObject* object = in.as_object();
  if (!object) return detail::wrong_kind("an object");
  out.clear();
  for (const auto& [key, value] : *object) TRY(from_value(value, out[key]));
  return {};
}

// Converts a record to its stored text and back.
template <class T>
std::string to_json(const T& record) {
  return write_json(to_value(record));
}
namespace detail {
Result<void> read_json(std::string_view text, void* record,
                       Result<void> (*read)(const Value& in, void* record));
}  // namespace detail
template <class T>
Result<T> from_json(std::string_view text) {
  Result<T> record{std::in_place};
  Result<void> read = detail::read_json(text, &*record, [](const Value& in, void* out) {
    return Result<void>(from_value(in, *static_cast<T*>(out)));
  });
  if (!read) return std::unexpected<Error>(std::move(read.error()));
  return record;
}

}  // namespace tidemill

// In a header, after the struct and in its namespace: describes it and declares its codec, so that
// it is compiled once instead of in every file that stores the record.
#define TIDEMILL_RECORD(Type, Bases, Members)     \
  BOOST_DESCRIBE_STRUCT(Type, Bases, Members)     \
  ::tidemill::Value to_value(const Type& record); \
  ::tidemill::Result<void> from_value(const ::tidemill::Value& in, Type& out);

// In one source file, in the same namespace.
#define TIDEMILL_RECORD_CODEC(Type)                                             \
  ::tidemill::Value to_value(const Type& record) {                              \
    return ::tidemill::detail::write_described(record);                         \
  }                                                                             \
  ::tidemill::Result<void> from_value(const ::tidemill::Value& in, Type& out) { \
    return ::tidemill::detail::read_described(in, out);                         \
  }
