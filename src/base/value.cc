#include "base/value.h"

#include <algorithm>

namespace tidemill {

const Value* ValueObject::find(std::string_view name) const {
  for (const Entry& entry : entries_)
    if (entry.first == name) return &entry.second;
  return nullptr;
}

Value* ValueObject::find(std::string_view name) {
  return const_cast<Value*>(std::as_const(*this).find(name));
}

Value& ValueObject::set(std::string_view name, Value value) {
  if (Value* found = find(name)) return *found = std::move(value);
  return append(std::string(name), std::move(value));
}

Value& ValueObject::append(std::string name, Value value) {
  return entries_.emplace_back(std::move(name), std::move(value)).second;
}

void ValueObject::erase(std::string_view name) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.first == name; });
}

bool ValueObject::empty() const { return entries_.empty(); }
std::size_t ValueObject::size() const { return entries_.size(); }
void ValueObject::reserve(std::size_t count) { entries_.reserve(count); }
std::vector<ValueObject::Entry>::const_iterator ValueObject::begin() const {
  return entries_.begin();
}
std::vector<ValueObject::Entry>::const_iterator ValueObject::end() const { return entries_.end(); }
std::vector<ValueObject::Entry>::iterator ValueObject::begin() { return entries_.begin(); }
std::vector<ValueObject::Entry>::iterator ValueObject::end() { return entries_.end(); }
bool ValueObject::operator==(const ValueObject& other) const { return entries_ == other.entries_; }

Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;
bool Value::operator==(const Value& other) const = default;

const Value* Value::find(std::string_view name) const {
  const ValueObject* object = as_object();
  return object ? object->find(name) : nullptr;
}

}  // namespace tidemill
