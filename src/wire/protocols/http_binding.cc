#include "wire/protocols/http_binding.h"

#include <algorithm>
#include <cstdint>

#include "base/encoding.h"
#include "wire/protocols/scalar.h"
#include "wire/protocols/utf8.h"

namespace tidemill::wire {
namespace {

using schema::Location;
using schema::Member;
using schema::Shape;
using schema::ShapeType;

TimestampFormat default_format(Location location) {
  return location == Location::header || location == Location::headers ? TimestampFormat::rfc822
                                                                       : TimestampFormat::iso8601;
}

Result<Value> read_scalar(const Member& member, const Shape& shape, std::string_view text) {
  // Some models put a scalar's location in a list's element; the list's member decides.
  return parse_scalar(
      shape, text, timestamp_format(&member, shape, default_format(member.location)), member.name);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "a, \"b, c\", d". HTTP dates contain a comma: `commas_per_item` is 1 for them.
std::vector<std::string> split_header_list(std::string_view text, int commas_per_item) {
  std::vector<std::string> items;
  std::string item;
  bool quoted = false, was_quoted = false;
  int commas = 0;
  auto finish = [&] {
    std::string_view plain = was_quoted ? std::string_view(item) : trimmed(item);
    if (!plain.empty() || was_quoted) items.emplace_back(plain);
    item.clear();
    was_quoted = false;
    commas = 0;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted) {
      if (c == '\\' && i + 1 < text.size())
        item += text[++i];
      else if (c == '"')
        quoted = false;
      else
        item += c;
    } else if (c == '"' && trimmed(item).empty()) {
      item.clear();
      quoted = was_quoted = true;
    } else if (c == ',' && commas++ == commas_per_item) {
      finish();
    } else if (!was_quoted) {
      item += c;
    }
  }
  finish();
  return items;
}

// S3 compares these enumerations case-insensitively, and clients rely on that: the CRT, and so
// pyarrow, send "x-amz-checksum-mode: enabled". Other enumerations are case-sensitive.
bool ignores_case(const Member& member) {
  return member.wire_name.starts_with("x-amz-checksum-") ||
         member.wire_name.starts_with("x-amz-sdk-checksum-");
}

// The model's spelling of an enumeration's value that differs only in case.
std::string_view spelled_as_modelled(const Shape& shape, std::string_view text) {
  for (std::string_view value : shape.enumeration)
    if (equal_ignoring_case(value, text)) return value;
  return text;
}

Result<Value> read_header(const Member& member, std::string_view text) {
  const Shape& shape = *member.shape;
  if (!shape.enumeration.empty() && ignores_case(member))
    text = spelled_as_modelled(shape, trimmed(text));
  if (shape.type == ShapeType::list) {
    const Shape& element = *shape.element->shape;
    bool dates = element.type == ShapeType::timestamp &&
                 timestamp_format(shape.element, element, TimestampFormat::rfc822) ==
                     TimestampFormat::rfc822;
    ValueList list;
    for (const std::string& item : split_header_list(text, dates ? 1 : 0)) {
      Value value = TRY(read_scalar(member, element, item));
      list.push_back(std::move(value));
    }
    return Value(std::move(list));
  }
  if (shape.json_value) {
    Result<std::string> json = decode_base64(text);
    if (!json)
      return fail(codes::kInvalid, "not valid base64 in header " + std::string(member.wire_name));
    return Value(std::move(*json));
  }
  return read_scalar(member, shape, shape.type == ShapeType::string ? text : trimmed(text));
}

// Presigned URLs may carry headers as query parameters, where the signature covers them:
// JavaScript's presigner moves those that begin with "x-amz-" there, botocore's (for the old
// signature) also the body's type and MD5. Checksums are ignored, since JavaScript's adds an empty
// body's when it knows none.
bool is_hoistable(const HttpRequest& request, std::string_view wire_name) {
  if (request.query.empty()) return false;
  const bool v4 = request.find_query("X-Amz-Signature");
  if (!v4 && !(request.find_query("Signature") && request.find_query("AWSAccessKeyId")))
    return false;
  if (equal_ignoring_case(wire_name, "content-type") ||
      equal_ignoring_case(wire_name, "content-md5"))
    return true;
  // The old signature covers no other parameters.
  if (v4 && (equal_ignoring_case(wire_name, "if-match") ||
             equal_ignoring_case(wire_name, "if-none-match")))
    return true;
  return wire_name.starts_with("x-amz-") && !wire_name.starts_with("x-amz-checksum-") &&
         !wire_name.starts_with("x-amz-sdk-");
}

const std::string* hoisted_header(const HttpRequest& request, std::string_view wire_name) {
  if (!is_hoistable(request, wire_name)) return nullptr;
  for (const QueryParameter& parameter : request.query)
    if (equal_ignoring_case(parameter.name, wire_name)) return &parameter.value;
  return nullptr;
}

// Several fields with one name form one list, as in HTTP; Go's SDK sends lists this way.
std::string joined_fields(const Headers& headers, std::string_view name) {
  std::string joined;
  for (const auto& [each, value] : headers.fields()) {
    if (!equal_ignoring_case(each, name)) continue;
    if (!joined.empty()) joined += ',';
    joined += value;
  }
  return joined;
}

Result<void> read_prefixed_headers(const Member& member, const HttpRequest& request,
                                   ValueObject& out) {
  ValueObject map;
  std::string_view prefix = member.wire_name;
  auto take = [&](const std::string& name, const std::string& value) -> Result<void> {
    if (name.size() <= prefix.size() ||
        !equal_ignoring_case(std::string_view(name).substr(0, prefix.size()), prefix))
      return {};
    std::string key = lower_case(std::string_view(name).substr(prefix.size()));
    if (!is_valid_utf8(value)) return fail(codes::kInvalid, "header '" + name + "' is not UTF-8");
    // A repeated field is one list, as in HTTP.
    if (Value* held = map.find(key))
      *held = Value(*held->as_string() + "," + value);
    else
      map.append(std::move(key), Value(value));
    return {};
  };
  for (const auto& [name, value] : request.headers.fields()) TRY(take(name, value));
  if (is_hoistable(request, prefix))
    for (const QueryParameter& parameter : request.query)
      if (!request.headers.find(parameter.name)) TRY(take(parameter.name, parameter.value));
  if (!map.empty()) out.set(member.name, std::move(map));
  return {};
}

bool bound_by_name(const Shape& shape, std::string_view name) {
  return std::ranges::any_of(shape.members, [&](const Member& member) {
    return member.location == Location::query_string && member.shape->type != ShapeType::map &&
           member.wire_name == name;
  });
}

// A map in the query string takes every parameter that no other member claims.
Result<void> read_query_map(const Shape& shape, const Member& member, const HttpRequest& request,
                            ValueObject& out) {
  ValueObject map;
  const Shape& element = *member.shape->element->shape;
  for (const QueryParameter& parameter : request.query) {
    if (bound_by_name(shape, parameter.name)) continue;
    if (element.type == ShapeType::list) {
      Value item = TRY(read_scalar(member, *element.element->shape, parameter.value));
      Value* held = map.find(parameter.name);
      if (!held) held = &map.append(parameter.name, ValueList());
      held->get_if<ValueList>()->push_back(std::move(item));
    } else if (!map.find(parameter.name)) {
      Value item = TRY(read_scalar(member, element, parameter.value));
      map.append(parameter.name, std::move(item));
    }
  }
  if (!map.empty()) out.set(member.name, std::move(map));
  return {};
}

Result<void> read_query(const Shape& shape, const Member& member, const HttpRequest& request,
                        ValueObject& out) {
  if (member.shape->type == ShapeType::map) return read_query_map(shape, member, request, out);
  if (member.shape->type == ShapeType::list) {
    ValueList list;
    for (const QueryParameter& parameter : request.query) {
      if (parameter.name != member.wire_name) continue;
      Value item = TRY(read_scalar(member, *member.shape->element->shape, parameter.value));
      list.push_back(std::move(item));
    }
    if (!list.empty()) out.set(member.name, std::move(list));
    return {};
  }
  const QueryParameter* parameter = request.find_query(member.wire_name);
  if (!parameter) return {};
  // "max-keys=" counts as absent; for strings the empty value counts.
  if (parameter->value.empty() && member.shape->type != ShapeType::string) return {};
  Value value = TRY(read_scalar(member, *member.shape, parameter->value));
  out.set(member.name, std::move(value));
  return {};
}

std::string quoted_if_needed(const std::string& item) {
  if (item.find_first_of(",\"") == std::string::npos) return item;
  std::string out = "\"";
  for (char c : item) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string header_text(const Member& member, const Value& value) {
  const Shape& shape = *member.shape;
  if (const ValueList* list = value.as_list(); list && shape.type == ShapeType::list) {
    const Shape& element = *shape.element->shape;
    TimestampFormat format =
        timestamp_format(shape.element, element, default_format(Location::header));
    std::string out;
    for (const Value& item : *list) {
      if (!out.empty()) out += ", ";
      std::string text = format_scalar(element, item, format);
      out += element.type == ShapeType::string ? quoted_if_needed(text) : text;
    }
    return out;
  }
  if (shape.json_value && value.as_string()) return encode_base64(*value.as_string());
  return format_scalar(shape, value,
                       timestamp_format(&member, shape, default_format(member.location)));
}

// A value must not end its field: text from handlers may contain line ends.
std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; }, ' ');
  return text;
}

// One bit for each length that a header's name has in the request. Models bind up to fifty headers,
// of which a request has a few: most of the others need no search.
class NameLengths {
 public:
  explicit NameLengths(const Headers& headers) {
    for (const auto& [name, value] : headers.fields()) bits_ |= bit(name.size());
  }
  bool contain(std::size_t bytes) const { return (bits_ & bit(bytes)) != 0; }

 private:
  static std::uint64_t bit(std::size_t bytes) { return std::uint64_t{1} << (bytes % 64); }
  std::uint64_t bits_ = 0;
};

}  // namespace

Result<void> read_bindings(const Shape& shape, const HttpRequest& request, const UriLabels& labels,
                           ValueObject& out) {
  constexpr std::size_t kMembersUsual = 8;
  const NameLengths lengths(request.headers);
  out.reserve(std::min(shape.members.size(), kMembersUsual));
  for (const Member& member : shape.members) {
    switch (member.location) {
      case Location::uri:
        for (const auto& [name, text] : labels) {
          if (name != member.wire_name) continue;
          Result<Value> value = read_scalar(member, *member.shape, text);
          if (!value) return std::unexpected(std::move(value).error());
          out.append(std::string(member.name), *std::move(value));
        }
        break;
      case Location::query_string:
        TRY(read_query(shape, member, request, out));
        break;
      case Location::header: {
        const std::string* text = nullptr;
        if (lengths.contain(member.wire_name.size())) text = request.headers.find(member.wire_name);
        if (!text) text = hoisted_header(request, member.wire_name);
        if (!text || (text->empty() && member.shape->type != ShapeType::string)) break;
        std::string joined;
        if (member.shape->type == ShapeType::list && request.headers.find(member.wire_name)) {
          joined = joined_fields(request.headers, member.wire_name);
          text = &joined;
        }
        Result<Value> value = read_header(member, *text);
        if (!value) return std::unexpected(std::move(value).error());
        out.append(std::string(member.name), *std::move(value));
        break;
      }
      case Location::headers:
        TRY(read_prefixed_headers(member, request, out));
        break;
      case Location::body:
      case Location::status_code:
        break;
    }
  }
  return {};
}

void write_bindings(const Shape& shape, const Value& output, HttpResponse& response) {
  const ValueObject* object = output.as_object();
  if (!object) return;
  // The content type, the request's id, and fields that the chain adds.
  constexpr std::size_t kFurtherHeaders = 4;
  response.headers.reserve(response.headers.fields().size() + object->size() + kFurtherHeaders);
  for (const Member& member : shape.members) {
    if (member.location == Location::body) continue;
    const Value* value = object->find(member.name);
    if (!value || value->is_null()) continue;
    if (member.location == Location::header &&
        equal_ignoring_case(member.wire_name, "content-length")) {
      // The server frames messages itself; only for HEAD it needs the length of the missing body.
      if (const std::int64_t* length = value->get_if<std::int64_t>(); length && *length >= 0)
        response.head_content_length = std::uint64_t(*length);
    } else if (member.location == Location::header) {
      std::string text = header_text(member, *value);
      // An empty list equals none; but some clients look for the empty string.
      if (text.empty() && !value->as_string()) continue;
      response.headers.set(member.wire_name, one_line(std::move(text)));
    } else if (member.location == Location::headers) {
      if (const ValueObject* map = value->as_object())
        for (const auto& [name, item] : *map)
          if (item.as_string())
            response.headers.set(std::string(member.wire_name) + one_line(name),
                                 one_line(*item.as_string()));
    } else if (member.location == Location::status_code) {
      if (const std::int64_t* status = value->get_if<std::int64_t>();
          status && *status >= 100 && *status <= 599)
        response.status = int(*status);
    }
  }
}

bool has_body_members(const Shape& shape) {
  return std::ranges::any_of(
      shape.members, [](const Member& member) { return member.location == Location::body; });
}

}  // namespace tidemill::wire
