// A tree of protocol-neutral data: what a request decodes to, what a response is encoded from, what
// a stored record is made of. Protocols (wire/protocols) turn bytes into Values under a schema;
// generated bindings (api/) and Boost.Describe (base/describe.h) turn Values into structs.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tidemill {

class Value;

// Bytes that are not text (base64 in JSON, raw in CBOR).
struct Blob {
  std::string bytes;
  bool operator==(const Blob&) const = default;
};

// Microseconds since the Unix epoch, UTC. Protocols choose how it is written.
struct Timestamp {
  std::int64_t microseconds = 0;
  auto operator<=>(const Timestamp&) const = default;
};

// Members in insertion order. Look-ups are linear: objects are small.
class ValueObject {
 public:
  using Entry = std::pair<std::string, Value>;
  // nullptr when absent.
  const Value* find(std::string_view name) const;
  Value* find(std::string_view name);
  // Replaces a member of that name, or appends one.
  Value& set(std::string_view name, Value value);
  // Appends without looking: for readers that know the name is new.
  Value& append(std::string name, Value value);
  void erase(std::string_view name);
  bool empty() const;
  std::size_t size() const;
  void reserve(std::size_t count);
  std::vector<Entry>::const_iterator begin() const;
  std::vector<Entry>::const_iterator end() const;
  std::vector<Entry>::iterator begin();
  std::vector<Entry>::iterator end();
  bool operator==(const ValueObject& other) const;

 private:
  std::vector<Entry> entries_;
};

using ValueList = std::vector<Value>;

class Value {
 public:
  using Storage = std::variant<std::monostate, bool, std::int64_t, double, std::string, Blob,
                               Timestamp, ValueList, ValueObject>;

  Value() = default;
  Value(bool value) : storage_(value) {}                                      // NOLINT
  Value(int value) : storage_(static_cast<std::int64_t>(value)) {}            // NOLINT
  Value(std::int64_t value) : storage_(value) {}                              // NOLINT
  Value(std::uint64_t value) : storage_(static_cast<std::int64_t>(value)) {}  // NOLINT
  Value(double value) : storage_(value) {}                                    // NOLINT
  Value(std::string value) : storage_(std::move(value)) {}                    // NOLINT
  Value(std::string_view value) : storage_(std::string(value)) {}             // NOLINT
  Value(const char* value) : storage_(std::string(value)) {}                  // NOLINT
  Value(Blob value) : storage_(std::move(value)) {}                           // NOLINT
  Value(Timestamp value) : storage_(value) {}                                 // NOLINT
  Value(ValueList value) : storage_(std::move(value)) {}                      // NOLINT
  Value(ValueObject value) : storage_(std::move(value)) {}                    // NOLINT
  // Out of line, like ==: inline, every file that uses a Value would compile every kind of it.
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();

  bool is_null() const { return std::holds_alternative<std::monostate>(storage_); }
  // nullptr when the value is of another kind.
  template <class T>
  const T* get_if() const {
    return std::get_if<T>(&storage_);
  }
  template <class T>
  T* get_if() {
    return std::get_if<T>(&storage_);
  }
  const std::string* as_string() const { return get_if<std::string>(); }
  const ValueList* as_list() const { return get_if<ValueList>(); }
  const ValueObject* as_object() const { return get_if<ValueObject>(); }
  ValueObject* as_object() { return get_if<ValueObject>(); }
  // Member of an object, or nullptr when this is no object or has no such member.
  const Value* find(std::string_view name) const;

  const Storage& storage() const { return storage_; }
  Storage& storage() { return storage_; }
  bool operator==(const Value& other) const;

 private:
  Storage storage_;
};

}  // namespace tidemill
