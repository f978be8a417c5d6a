// A nullable pointer to a T that copies the T. The generated API uses it for nested structures, so
// that recursive types work and structs stay small.
#pragma once

#include <cassert>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/value.h"

namespace tidemill::api {

template <class T>
class Box {
 public:
  using value_type = T;

  Box() = default;
  Box(T value) : pointer_(new T(std::move(value))) {}  // NOLINT: reads like an optional
  Box(const Box& other) : pointer_(other.pointer_ ? new T(*other.pointer_) : nullptr) {}
  Box(Box&&) noexcept = default;
  Box& operator=(const Box& other) {
    if (this != &other) pointer_.reset(other.pointer_ ? new T(*other.pointer_) : nullptr);
    return *this;
  }
  Box& operator=(Box&&) noexcept = default;

  explicit operator bool() const { return pointer_ != nullptr; }
  bool has_value() const { return pointer_ != nullptr; }
  // Asserts that there is a value.
  T& operator*() { return *get(); }
  const T& operator*() const { return *get(); }
  T* operator->() { return get(); }
  const T* operator->() const { return get(); }

  T& emplace() {
    pointer_.reset(new T());
    return *pointer_;
  }
  // The value; creates one when there is none.
  T& ensure() { return pointer_ ? *pointer_ : emplace(); }
  void reset() { pointer_.reset(); }

 private:
  T* get() const {
    assert(pointer_ != nullptr);
    return pointer_.get();
  }

  std::unique_ptr<T> pointer_;
};

// For records that hold a Box (base/describe.h finds these).
template <class T>
Value to_value(const Box<T>& box) {
  return box ? to_value(*box) : Value();
}
template <class T>
Result<void> from_value(const Value& in, Box<T>& out) {
  if (in.is_null()) {
    out.reset();
    return {};
  }
  return from_value(in, out.emplace());
}

// The input or output of an operation that does not have one.
struct Empty {};
inline Value to_value(const Empty&) { return ValueObject(); }
inline Result<void> from_value(const Value&, Empty&) { return {}; }

}  // namespace tidemill::api
