#include "wire/protocols/query_reader.h"

#include <algorithm>
#include <charconv>

#include "base/encoding.h"
#include "wire/protocols/scalar.h"
#include "wire/protocols/utf8.h"

namespace tidemill::wire {
namespace {

using schema::Member;
using schema::Shape;
using schema::ShapeType;

constexpr int kDepthMax = 32;

bool flattened(const Member& member) { return member.flattened || member.shape->flattened; }

std::string_view name_or(const Member* member, std::string_view fallback) {
  return member && !member->wire_name.empty() ? member->wire_name : fallback;
}

// "a.b.Old" with its last part replaced.
std::string with_last_part(const std::string& prefix, std::string_view name) {
  std::size_t dot = prefix.rfind('.');
  return (dot == std::string::npos ? std::string() : prefix.substr(0, dot + 1)) + std::string(name);
}

}  // namespace

Result<void> QueryParameters::add_form(std::string_view form) {
  while (!form.empty()) {
    std::string_view part = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(form.size(), part.size() + 1));
    if (part.empty()) continue;
    if (sorted_.size() >= query_parameters_max) return fail(codes::kInvalid, "too many parameters");
    std::size_t equals = part.find('=');
    std::string name = TRY(percent_decode(part.substr(0, equals), true));
    std::string value;
    if (equals != part.npos) value = TRY(percent_decode(part.substr(equals + 1), true));
    sorted_.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

Result<QueryParameters> QueryParameters::parse(const HttpRequest& request, bool ec2) {
  QueryParameters parameters;
  parameters.ec2_ = ec2;
  TRY(parameters.add_form(request.body));
  for (const QueryParameter& parameter : request.query)
    parameters.sorted_.emplace_back(parameter.name, parameter.value);
  std::ranges::sort(parameters.sorted_);
  return parameters;
}

const std::string* QueryParameters::find(std::string_view name) const {
  auto found = std::ranges::lower_bound(
      sorted_, name, {}, [](const Parameter& p) { return std::string_view(p.first); });
  return found != sorted_.end() && found->first == name ? &found->second : nullptr;
}

bool QueryParameters::has(std::string_view prefix) const {
  if (find(prefix)) return true;
  std::string below = std::string(prefix) + ".";
  auto found = std::ranges::lower_bound(sorted_, below, {}, &Parameter::first);
  return found != sorted_.end() && found->first.starts_with(below);
}

std::vector<std::uint32_t> QueryParameters::indexes(std::string_view prefix) const {
  std::vector<std::uint32_t> out;
  std::string below = std::string(prefix) + ".";
  auto found = std::ranges::lower_bound(sorted_, below, {}, &Parameter::first);
  for (; found != sorted_.end() && found->first.starts_with(below); ++found) {
    std::string_view rest = std::string_view(found->first).substr(below.size());
    rest = rest.substr(0, rest.find('.'));
    std::uint32_t index = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
    // Only the plain form of a number: "1" and "01" must not be two elements with one name.
    if (error != std::errc() || end != rest.data() + rest.size() || rest.starts_with('0')) continue;
    out.push_back(index);
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<Value> QueryParameters::read(const Shape& shape) const {
  return read_structure(shape, "", 0);
}

Result<Value> QueryParameters::read_structure(const Shape& shape, const std::string& prefix,
                                              int depth) const {
  ValueObject out;
  for (const Member& member : shape.members) {
    std::string name(member.wire_name);
    if (ec2_ && !name.empty() && name[0] >= 'a' && name[0] <= 'z') name[0] = char(name[0] - 32);
    std::string here = prefix.empty() ? name : prefix + "." + name;
    bool renamed_list = member.shape->type == ShapeType::list && flattened(member);
    if (!renamed_list && !has(here)) continue;
    Value value = TRY(read_value(member, here, depth + 1));
    if (!value.is_null()) out.append(std::string(member.name), std::move(value));
  }
  return Value(std::move(out));
}

// Null when the request does not have it.
Result<Value> QueryParameters::read_value(const Member& member, const std::string& prefix,
                                          int depth) const {
  if (depth > kDepthMax) return fail(codes::kInvalid, "nested too deeply at '" + prefix + "'");
  switch (member.shape->type) {
    case ShapeType::structure:
      return read_structure(*member.shape, prefix, depth);
    case ShapeType::list:
      return read_list(member, prefix, depth);
    case ShapeType::map:
      return read_map(member, prefix, depth);
    default: {
      const std::string* text = find(prefix);
      if (!text) return Value();
      return parse_scalar(*member.shape, *text,
                          timestamp_format(&member, *member.shape, TimestampFormat::iso8601),
                          prefix);
    }
  }
}

Result<Value> QueryParameters::read_list(const Member& member, const std::string& prefix,
                                         int depth) const {
  std::string_view element = name_or(member.shape->element, "member");
  // The model's form first, then other forms that clients of this family send.
  std::vector<std::string> bases;
  if (ec2_ || flattened(member)) {
    if (element != "member" && !ec2_) bases.push_back(with_last_part(prefix, element));
    bases.push_back(prefix);
  } else {
    bases.push_back(prefix + "." + std::string(element));
    if (element != "member") bases.push_back(prefix + ".member");
  }
  for (const std::string& base : bases) {
    std::vector<std::uint32_t> found = indexes(base);
    if (found.empty()) continue;
    ValueList list;
    for (std::uint32_t index : found) {
      Value item =
          TRY(read_value(*member.shape->element, base + "." + std::to_string(index), depth + 1));
      if (!item.is_null()) list.push_back(std::move(item));
    }
    return Value(std::move(list));
  }
  // "Tags=" is an empty list.
  const std::string* text = find(prefix);
  return text && text->empty() ? Value(ValueList()) : Value();
}

Result<Value> QueryParameters::read_map(const Member& member, const std::string& prefix,
                                        int depth) const {
  const Shape& shape = *member.shape;
  std::string base = flattened(member) || ec2_ ? prefix : prefix + ".entry";
  ValueObject out;
  for (std::uint32_t index : indexes(base)) {
    std::string entry = base + "." + std::to_string(index) + ".";
    const std::string* key = find(entry + std::string(name_or(shape.key, "key")));
    if (!key || !is_valid_utf8(*key)) return fail(codes::kInvalid, "'" + entry + "' has no key");
    Value value = TRY(read_value(*shape.element,
                                 entry + std::string(name_or(shape.element, "value")), depth + 1));
    if (!value.is_null()) out.append(*key, std::move(value));
  }
  return Value(std::move(out));
}

}  // namespace tidemill::wire
