// Records to Values and back, from BOOST_DESCRIBE_STRUCT: the JSON text that lies in the store.
//
//   struct Bucket { std::string name; Timestamp created; std::optional<std::string> region; };
//   BOOST_DESCRIBE_STRUCT(Bucket, (), (name, created, region))
//
// Members: bool, integers, double, std::string, Timestamp, Blob, Value, enums described with
// BOOST_DESCRIBE_ENUM, std::optional, std::vector, std::map<std::string, T>, described structs, and
// any type with free functions `Value to_value(const T&)` and `Result<void> from_value(const
// Value&, T&)` (the generated API structs have them). An absent member keeps its default, an
// unknown one is ignored, so that records of older and newer versions read.
#pragma once

#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
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
inline std::unexpected<Error> wrong_kind(const char* expected) {
  return fail(codes::kInvalid, std::string("a stored value is not ") + expected);
}
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

// Declared before any is defined, so that they nest in each other.
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

template <detail::DescribedEnum T>
Value to_value(T value) {
  return std::string(boost::describe::enum_to_string(value, ""));
}
template <detail::DescribedEnum T>
Result<void> from_value(const Value& in, T& out) {
  const std::string* name = in.as_string();
  if (!name || !boost::describe::enum_from_string(name->c_str(), out))
    return fail(codes::kInvalid, "a stored value is no member of its enumeration");
  return {};
}

template <detail::Described T>
Value to_value(const T& record) {
  ValueObject object;
  boost::mp11::mp_for_each<boost::describe::describe_members<
      T, boost::describe::mod_public | boost::describe::mod_inherited>>([&](auto member) {
    Value value = to_value(record.*member.pointer);
    if (!value.is_null()) object.append(member.name, std::move(value));
  });
  return object;
}
template <detail::Described T>
Result<void> from_value(const Value& in, T& out) {
  const ValueObject* object = in.as_object();
  if (!object) return detail::wrong_kind("an object");
  Result<void> result;
  boost::mp11::mp_for_each<boost::describe::describe_members<
      T, boost::describe::mod_public | boost::describe::mod_inherited>>([&](auto member) {
    if (!result) return;
    const Value* value = object->find(member.name);
    if (!value || value->is_null()) return;
    result = from_value(*value, out.*member.pointer);
    if (!result) result.error().message += std::string(" (member ") + member.name + ")";
  });
  return result;
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

// The text a record is stored as, and back.
template <class T>
std::string to_json(const T& record) {
  return write_json(to_value(record));
}
template <class T>
Result<T> from_json(std::string_view text) {
  Value value = TRY(parse_json(text));
  T record{};
  TRY(from_value(value, record));
  return record;
}

}  // namespace tidemill
