#include "base/describe.h"

#include "base/encoding.h"

namespace tidemill {

Result<void> from_value(const Value& in, Blob& out) {
  if (const Blob* blob = in.get_if<Blob>()) {
    out = *blob;
    return {};
  }
  const std::string* text = in.as_string();
  if (!text) return detail::wrong_kind("base64 text");
  out.bytes = TRY(decode_base64(*text));
  return {};
}

namespace detail {

std::unexpected<Error> wrong_kind(const char* expected) {
  return fail(codes::kInvalid, std::string("a stored value is not ") + expected);
}

Value write_members(std::span<const Member> members, const void* record) {
  ValueObject object;
  object.reserve(members.size());
  for (const Member& member : members) {
    Value value = member.write(record);
    if (!value.is_null()) object.append(member.name, std::move(value));
  }
  return object;
}

Result<void> read_members(std::span<const Member> members, const Value& in, void* record) {
  const ValueObject* object = in.as_object();
  if (!object) return wrong_kind("an object");
  for (const Member& member : members) {
    const Value* value = object->find(member.name);
    if (!value || value->is_null()) continue;
    Result<void> result = member.read(*value, record);
    if (!result) {
      result.error().message += std::string(" (member ") + member.name + ")";
      return result;
    }
  }
  return {};
}

Result<void> read_json(std::string_view text, void* record,
                       Result<void> (*read)(const Value& in, void* record)) {
  Value value = TRY(parse_json(text));
  return read(value, record);
}

}  // namespace detail

}  // namespace tidemill
