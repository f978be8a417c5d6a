#include <algorithm>
#include <pugixml.hpp>

#include "wire/protocols/scalar.h"
#include "wire/protocols/utf8.h"
#include "wire/protocols/xml.h"

namespace tidemill::wire {
namespace {

using schema::Location;
using schema::Member;
using schema::Shape;
using schema::ShapeType;

constexpr int kDepthMax = 64;

std::string_view local_name(std::string_view name) {
  std::size_t colon = name.find(':');
  return colon == name.npos ? name : name.substr(colon + 1);
}

bool is_named(const pugi::xml_node& node, std::string_view name) {
  std::string_view full = node.name();
  return full == name || local_name(full) == local_name(name);
}

// Text may come in several pieces, with CDATA between them.
std::string text_of(const pugi::xml_node& node) {
  std::string text;
  for (const pugi::xml_node& child : node.children())
    if (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata)
      text += child.value();
  return text;
}

std::string_view element_name(const Shape& list) {
  std::string_view name = list.element->wire_name;
  return name.empty() ? std::string_view("member") : name;
}

bool flattened(const Member& member) { return member.flattened || member.shape->flattened; }

Result<Value> read(const Member& member, const pugi::xml_node& node, int depth);

Result<Value> read_structure(const Shape& shape, const pugi::xml_node& node, bool body_only,
                             int depth);

std::string_view key_name(const Member* member, std::string_view fallback) {
  return member && !member->wire_name.empty() ? member->wire_name : fallback;
}

Result<void> read_entry(const Shape& map, const pugi::xml_node& entry, ValueObject& out,
                        int depth) {
  pugi::xml_node key, value;
  for (const pugi::xml_node& child : entry.children()) {
    if (is_named(child, key_name(map.key, "key")))
      key = child;
    else if (is_named(child, key_name(map.element, "value")))
      value = child;
  }
  if (!key || !value) return fail(codes::kInvalid, "a map entry without a key or value");
  Value read_value = TRY(read(*map.element, value, depth));
  out.append(text_of(key), std::move(read_value));
  return {};
}

Result<Value> read_list(const Member& member, const pugi::xml_node& node, int depth) {
  ValueList list;
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() != pugi::node_element || !is_named(child, element_name(*member.shape)))
      continue;
    Value item = TRY(read(*member.shape->element, child, depth + 1));
    list.push_back(std::move(item));
  }
  return Value(std::move(list));
}

Result<Value> read_map(const Member& member, const pugi::xml_node& node, int depth) {
  ValueObject out;
  for (const pugi::xml_node& child : node.children())
    if (child.type() == pugi::node_element) TRY(read_entry(*member.shape, child, out, depth + 1));
  return Value(std::move(out));
}

Result<Value> read(const Member& member, const pugi::xml_node& node, int depth) {
  if (depth > kDepthMax) return fail(codes::kInvalid, "nested too deeply");
  switch (member.shape->type) {
    case ShapeType::structure:
      return read_structure(*member.shape, node, false, depth);
    case ShapeType::list:
      return read_list(member, node, depth);
    case ShapeType::map:
      return read_map(member, node, depth);
    default: {
      std::string text = text_of(node);
      if (member.shape->type != ShapeType::string) {
        // Numbers and times may be surrounded by white space.
        constexpr std::string_view kSpace = " \t\r\n";
        text.erase(0, std::min(text.find_first_not_of(kSpace), text.size()));
        text.erase(text.find_last_not_of(kSpace) + 1);
      }
      return parse_scalar(*member.shape, text,
                          timestamp_format(&member, *member.shape, TimestampFormat::iso8601),
                          member.name);
    }
  }
}

// One element of a flattened list or map, added to the elements before.
Result<void> add_flattened(const Member& member, const pugi::xml_node& node, ValueObject& out,
                           int depth) {
  Value* held = out.find(member.name);
  const Shape& shape = *member.shape;
  if (shape.type == ShapeType::map) {
    if (!held) held = &out.append(std::string(member.name), ValueObject());
    return read_entry(shape, node, *held->as_object(), depth);
  }
  if (!held) held = &out.append(std::string(member.name), ValueList());
  Value item = TRY(read(*shape.element, node, depth));
  held->get_if<ValueList>()->push_back(std::move(item));
  return {};
}

bool stands_for(const pugi::xml_node& node, const Member& member) {
  if (is_named(node, member.wire_name)) return true;
  // A flattened list whose elements have their own name.
  return member.shape->type == ShapeType::list && flattened(member) &&
         element_name(*member.shape) != "member" && is_named(node, element_name(*member.shape));
}

Result<Value> read_structure(const Shape& shape, const pugi::xml_node& node, bool body_only,
                             int depth) {
  ValueObject out;
  for (const Member& member : shape.members) {
    if (!member.xml_attribute) continue;
    for (const pugi::xml_attribute& attribute : node.attributes())
      if (local_name(attribute.name()) == local_name(member.wire_name))
        out.set(member.name, Value(attribute.value()));
  }
  for (const pugi::xml_node& child : node.children()) {
    if (child.type() != pugi::node_element) continue;
    for (const Member& member : shape.members) {
      if (member.xml_attribute || (body_only && member.location != Location::body) ||
          !stands_for(child, member))
        continue;
      bool collection =
          member.shape->type == ShapeType::list || member.shape->type == ShapeType::map;
      if (collection && flattened(member)) {
        TRY(add_flattened(member, child, out, depth + 1));
      } else {
        Value value = TRY(read(member, child, depth + 1));
        out.set(member.name, std::move(value));
      }
      break;
    }
  }
  return Value(std::move(out));
}

}  // namespace

Result<Value> read_xml(const Shape& shape, std::string_view text, bool body_only,
                       std::string_view root_name) {
  if (text.size() > xml_body_bytes_max) return fail(codes::kInvalid, "the document is too large");
  if (!is_valid_utf8(text)) return fail(codes::kInvalid, "the document is not UTF-8");
  pugi::xml_document document;
  pugi::xml_parse_result parsed =
      document.load_buffer(text.data(), text.size(),
                           pugi::parse_cdata | pugi::parse_escapes | pugi::parse_wconv_attribute |
                               pugi::parse_eol | pugi::parse_ws_pcdata_single | pugi::parse_doctype,
                           pugi::encoding_utf8);
  if (!parsed)
    return fail(codes::kInvalid,
                std::string(parsed.description()) + " at byte " + std::to_string(parsed.offset));
  for (const pugi::xml_node& node : document.children())
    if (node.type() == pugi::node_doctype)
      return fail(codes::kInvalid, "a document type is not allowed");
  pugi::xml_node root = document.document_element();
  if (!root) return fail(codes::kInvalid, "no element");
  if (!root_name.empty() && !is_named(root, root_name) && !is_named(root, shape.name))
    return fail(codes::kInvalid, "the root element is '" + std::string(root.name()) +
                                     "', expected '" + std::string(root_name) + "'");
  if (shape.type == ShapeType::structure) return read_structure(shape, root, body_only, 0);
  Member member;
  member.name = member.wire_name = root_name;
  member.shape = &shape;
  return read(member, root, 0);
}

}  // namespace tidemill::wire
