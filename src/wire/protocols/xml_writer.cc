#include <algorithm>

#include "wire/protocols/scalar.h"
#include "wire/protocols/utf8.h"
#include "wire/protocols/xml.h"

namespace tidemill::wire {

using schema::Location;
using schema::Member;
using schema::Shape;
using schema::ShapeType;

namespace {

bool flattened(const Member& member) { return member.flattened || member.shape->flattened; }

std::string_view name_or(const Member* member, std::string_view fallback) {
  return member && !member->wire_name.empty() ? member->wire_name : fallback;
}

}  // namespace

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// Control characters other than tab and line ends are not allowed in XML 1.0, even as references;
// readers refuse the whole document.
bool is_xml_control(unsigned char c) { return c < 0x20 && c != '\n' && c != '\t' && c != '\r'; }

// Length of the first UTF-8 character of `text`; 0 when it is malformed, or a character that XML
// 1.0 excludes (surrogates, U+FFFE, U+FFFF).
std::size_t xml_character_bytes(std::string_view text) {
  auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(0);
  const std::size_t count = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (count == 1) return is_xml_control(first) ? 0 : 1;
  if (text.size() < count || !is_valid_utf8(text.substr(0, count))) return 0;
  if (count == 3 && first == 0xEF && byte(1) == 0xBF && byte(2) >= 0xBE) return 0;
  return count;
}

// The number of bytes at the start of `text` that are written as they are: ASCII without control
// characters and escapes. Looks at whole blocks, of which the compiler checks all bytes at once.
std::size_t plain_bytes(std::string_view text) {
  constexpr std::size_t kBlockBytes = 16;
  const auto is_special = [](unsigned char c) {
    return (c < 0x20) | (c > 0x7e) | (c == '&') | (c == '<') | (c == '>') | (c == '"');
  };
  std::size_t at = 0;
  for (; text.size() - at >= kBlockBytes; at += kBlockBytes) {
    unsigned char found = 0;
    for (std::size_t i = 0; i < kBlockBytes; ++i)
      found |= static_cast<unsigned char>(is_special(static_cast<unsigned char>(text[at + i])));
    if (found) break;
  }
  while (at < text.size() && !is_special(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

void write_escaped(char c, std::string& out) {
  switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\r':
      out += "&#xD;";  // a reader would turn a plain one into a line feed
      break;
    default:
      out += c;
  }
}

}  // namespace

bool is_xml_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t count = xml_character_bytes(text);
    if (count == 0) return false;
    text.remove_prefix(count);
  }
  return true;
}

void write_xml_text(std::string_view text, std::string& out) {
  while (true) {
    const std::size_t plain = plain_bytes(text);
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) return;
    const std::size_t count = xml_character_bytes(text);
    if (count == 0)
      out += kReplacement;
    else if (count == 1)
      write_escaped(text.front(), out);
    else
      out += text.substr(0, count);
    text.remove_prefix(std::max<std::size_t>(count, 1));
  }
}

void XmlWriter::open(std::string_view name, std::string_view xml_namespace,
                     std::string_view xml_prefix, const Shape* shape, const Value* value) {
  out_ += '<';
  out_ += name;
  if (!xml_namespace.empty()) {
    out_ += xml_prefix.empty() ? " xmlns" : " xmlns:";
    out_ += xml_prefix;
    out_ += "=\"";
    write_xml_text(xml_namespace, out_);
    out_ += '"';
  }
  if (shape && value && shape->type == ShapeType::structure) {
    for (const Member& member : shape->members) {
      const Value* attribute = member.xml_attribute ? value->find(member.name) : nullptr;
      if (!attribute || attribute->is_null()) continue;
      out_ += ' ';
      out_ += member.wire_name;
      out_ += "=\"";
      write_xml_text(scalar(member, *attribute), out_);
      out_ += '"';
    }
  }
  out_ += '>';
}

void XmlWriter::close(std::string_view name) {
  out_ += "</";
  out_ += name;
  out_ += '>';
}

void XmlWriter::element(std::string_view name, std::string_view text) {
  open(name, {}, {}, nullptr, nullptr);
  write_xml_text(text, out_);
  close(name);
}

std::string XmlWriter::scalar(const Member& member, const Value& value) const {
  TimestampFormat format = timestamp_format(&member, *member.shape, TimestampFormat::iso8601);
  std::string text = format_scalar(*member.shape, value, format);
  if (milliseconds_always_ && member.shape->type == ShapeType::timestamp &&
      format == TimestampFormat::iso8601 && text.ends_with('Z') &&
      text.find('.') == std::string::npos)
    text.replace(text.size() - 1, 1, ".000Z");
  return text;
}

void XmlWriter::members(const Shape& shape, const Value& value, bool body_only) {
  for (const Member& each : shape.members) {
    if (each.xml_attribute || (body_only && each.location != Location::body)) continue;
    const Value* item = value.find(each.name);
    if (item && !item->is_null()) member(each.wire_name, each, *item);
  }
}

void XmlWriter::member(std::string_view name, const Member& each, const Value& value) {
  switch (each.shape->type) {
    case ShapeType::structure: {
      bool own = !each.xml_namespace.empty();
      open(name, own ? each.xml_namespace : each.shape->xml_namespace,
           own ? each.xml_prefix : each.shape->xml_prefix, each.shape, &value);
      members(*each.shape, value, false);
      return close(name);
    }
    case ShapeType::list:
      return list(name, each, value);
    case ShapeType::map:
      return map(name, each, value);
    default:
      open(name, each.xml_namespace, each.xml_prefix, nullptr, nullptr);
      write_xml_text(scalar(each, value), out_);
      close(name);
  }
}

void XmlWriter::list(std::string_view name, const Member& each, const Value& value) {
  const ValueList* items = value.as_list();
  if (!items) return;
  std::string_view element = name_or(each.shape->element, "member");
  if (flattened(each)) {
    // The element's own name takes precedence, as in botocore's reader.
    std::string_view own = element == "member" ? name : element;
    for (const Value& item : *items) member(own, *each.shape->element, item);
    return;
  }
  open(name, each.xml_namespace, each.xml_prefix, nullptr, nullptr);
  for (const Value& item : *items) member(element, *each.shape->element, item);
  close(name);
}

void XmlWriter::map(std::string_view name, const Member& each, const Value& value) {
  const ValueObject* entries = value.as_object();
  if (!entries) return;
  bool flat = flattened(each);
  if (!flat) open(name, each.xml_namespace, each.xml_prefix, nullptr, nullptr);
  std::string_view entry = flat ? name : std::string_view("entry");
  for (const auto& [key, item] : *entries) {
    if (item.is_null()) continue;
    open(entry, {}, {}, nullptr, nullptr);
    element(name_or(each.shape->key, "key"), key);
    member(name_or(each.shape->element, "value"), *each.shape->element, item);
    close(entry);
  }
  if (!flat) close(name);
}

}  // namespace tidemill::wire
