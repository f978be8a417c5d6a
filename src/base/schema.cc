#include "base/schema.h"

#include <algorithm>

namespace tidemill::schema {

const Operation* find_operation(const Service& service, std::string_view name) {
  auto found = std::ranges::lower_bound(service.operations, name, {}, &Operation::name);
  return found != service.operations.end() && found->name == name ? &*found : nullptr;
}

const Member* find_member(const Shape& shape, std::string_view name) {
  for (const Member& member : shape.members)
    if (member.name == name) return &member;
  return nullptr;
}

}  // namespace tidemill::schema
