#include "services/platform/constraints/constraints.h"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "base/json.h"
#include "services/platform/constraints/constraint_pattern.h"

namespace tidemill::services {
namespace {

using schema::Member;
using schema::Shape;
using schema::ShapeType;

// Past these a message says less, not more.
constexpr std::size_t kViolationsMax = 50;
constexpr std::size_t kPrintedBytesMax = 1024;
constexpr std::size_t kDepthUsual = 8;  // deeper inputs cost an allocation

struct Violation {
  std::string text;             // "Value 'x' at 'y' failed to satisfy constraint: ..."
  const Member* top = nullptr;  // the member of the input that it lies in
};

std::string number(double value) {
  if (value == std::floor(value) && std::abs(value) < 1e15)
    return std::to_string(static_cast<std::int64_t>(value));
  return write_json(Value(value));
}

std::string lower_first(std::string_view name) {
  std::string out(name);
  if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z')
    out[0] = static_cast<char>(out[0] - 'A' + 'a');
  return out;
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool is_sensitive(const Shape& shape) {
  return shape.sensitive || shape.type == ShapeType::blob ||
         (shape.element && is_sensitive(*shape.element->shape)) ||
         (shape.key && is_sensitive(*shape.key->shape));
}

void print(const Shape& shape, const Value& value, std::string& out);

void print_object(const Shape& shape, const ValueObject& object, std::string& out) {
  const bool structure = shape.type == ShapeType::structure;
  out += structure ? std::string(shape.name) + "(" : "{";
  bool first = true;
  for (const auto& [name, item] : object) {
    const Member* member = structure ? schema::find_member(shape, name) : shape.element;
    if (!member || out.size() > kPrintedBytesMax) continue;
    if (!first) out += ", ";
    first = false;
    out += structure ? lower_first(name) : name;
    out += "=";
    if (is_sensitive(*member->shape)) {
      out += "***";
    } else {
      print(*member->shape, item, out);
    }
  }
  out += structure ? ")" : "}";
}

// Prints the value as AWS's Java services do; cut when it gets long.
void print(const Shape& shape, const Value& value, std::string& out) {
  if (out.size() > kPrintedBytesMax) return;
  if (value.is_null()) {
    out += "null";
  } else if (const std::string* text = value.as_string()) {
    out += *text;
  } else if (const ValueList* list = value.as_list()) {
    out += "[";
    for (std::size_t i = 0; i < list->size() && out.size() <= kPrintedBytesMax; ++i) {
      if (i) out += ", ";
      if (shape.element) print(*shape.element->shape, (*list)[i], out);
    }
    out += "]";
  } else if (const ValueObject* object = value.as_object()) {
    print_object(shape, *object, out);
  } else {
    write_json(value, out);
  }
}

// "Value 'x' at": "Value at" when it must not be shown.
std::string value_at(const Shape& shape, const Value& value, const std::string& path) {
  if (value.is_null()) return "Value null at '" + path + "'";
  if (is_sensitive(shape)) return "Value at '" + path + "'";
  std::string printed;
  print(shape, value, printed);
  if (printed.size() > kPrintedBytesMax) {
    std::size_t cut = kPrintedBytesMax;
    while (cut > 0 && (static_cast<unsigned char>(printed[cut]) & 0xC0) == 0x80) --cut;
    printed.resize(cut);
    printed += "...";
  }
  return "Value '" + printed + "' at '" + path + "'";
}

std::string enumeration_text(const Shape& shape) {
  std::string out = "Member must satisfy enum value set: [";
  for (std::size_t i = 0; i < shape.enumeration.size(); ++i) {
    if (i) out += ", ";
    out += shape.enumeration[i];
  }
  return out + "]";
}

std::string length_text(bool upper, double limit) {
  return std::string("Member must have length ") + (upper ? "less" : "greater") +
         " than or equal to " + number(limit);
}
std::string pattern_text(const Shape& shape) {
  return "Member must satisfy regular expression pattern: " + std::string(shape.pattern);
}

void check_length(const Shape& shape, std::size_t length, std::vector<std::string>& failed) {
  const auto size = static_cast<double>(length);
  if (size > shape.maximum) failed.push_back(length_text(true, shape.maximum));
  if (size < shape.minimum) failed.push_back(length_text(false, shape.minimum));
}

// Whether text of so many bytes can be too long or too short, without counting its characters: one
// of them takes one to four bytes.
bool may_break_length(const Shape& shape, std::size_t bytes) {
  constexpr std::size_t kCharacterBytesMax = 4;
  return static_cast<double>(bytes) > shape.maximum ||
         static_cast<double>(bytes / kCharacterBytesMax) < shape.minimum;
}

void check_range(const Shape& shape, double value, std::vector<std::string>& failed) {
  if (value > shape.maximum)
    failed.push_back("Member must have value less than or equal to " + number(shape.maximum));
  if (value < shape.minimum)
    failed.push_back("Member must have value greater than or equal to " + number(shape.minimum));
}

// The constraints that a value itself violates, without those of the values inside it.
std::vector<std::string> own_failures(const Shape& shape, const Value& value) {
  std::vector<std::string> failed;
  if (const std::string* text = value.as_string(); text && shape.type == ShapeType::string) {
    if (may_break_length(shape, text->size())) check_length(shape, code_points(*text), failed);
    if (!shape.pattern.empty() && !ConstraintPattern::cached(shape.pattern).matches(*text))
      failed.push_back(pattern_text(shape));
    if (!shape.enumeration.empty() &&
        std::ranges::find(shape.enumeration, *text) == shape.enumeration.end())
      failed.push_back(enumeration_text(shape));
  } else if (const Blob* blob = value.get_if<Blob>()) {
    check_length(shape, blob->bytes.size(), failed);
  } else if (const ValueList* list = value.as_list()) {
    if (shape.type == ShapeType::list) check_length(shape, list->size(), failed);
  } else if (const ValueObject* object = value.as_object()) {
    if (shape.type == ShapeType::map) check_length(shape, object->size(), failed);
  } else if (const std::int64_t* whole = value.get_if<std::int64_t>()) {
    check_range(shape, static_cast<double>(*whole), failed);
  } else if (const double* real = value.get_if<double>()) {
    check_range(shape, *real, failed);
  }
  return failed;
}

// Every constraint of a list's or map's simple elements, as AWS lists them for the whole.
std::string all_constraints(const Shape& shape) {
  std::vector<std::string> texts;
  if (shape.type == ShapeType::string || shape.type == ShapeType::blob) {
    if (!std::isnan(shape.maximum)) texts.push_back(length_text(true, shape.maximum));
    if (!std::isnan(shape.minimum)) texts.push_back(length_text(false, shape.minimum));
    if (!shape.pattern.empty()) texts.push_back(pattern_text(shape));
    if (!shape.enumeration.empty()) texts.push_back(enumeration_text(shape));
  } else {
    if (!std::isnan(shape.maximum))
      texts.push_back("Member must have value less than or equal to " + number(shape.maximum));
    if (!std::isnan(shape.minimum))
      texts.push_back("Member must have value greater than or equal to " + number(shape.minimum));
  }
  if (texts.empty()) texts.emplace_back("Member must not be null");
  std::string out = "[";
  for (std::size_t i = 0; i < texts.size(); ++i) out += (i ? ", " : "") + texts[i];
  return out + "]";
}

bool holds_members(const Shape& shape) {
  return shape.type == ShapeType::structure || shape.type == ShapeType::list ||
         shape.type == ShapeType::map;
}

class Checker {
 public:
  void structure(const Shape& shape, const ValueObject& object) {
    // The protocols' readers put members in the model's order, so the next entry is usually the
    // member's; once every entry was met, the other members are absent.
    auto next = object.begin();
    std::size_t left = object.size();
    for (const Member& member : shape.members) {
      if (member.streaming || member.shape->event_stream) continue;
      if (path_.empty()) top_ = &member;
      const Value* value = nullptr;
      if (next != object.end() && next->first == member.name)
        value = &(next++)->second;
      else if (left > 0)
        value = object.find(member.name);
      if (value) --left;
      if (value && !value->is_null()) {
        Scope scope(*this, {.member = member.name});
        check(*member.shape, *value);
      } else if (member.required) {
        Scope scope(*this, {.member = member.name});
        add(*member.shape, Value(), "Member must not be null");
      }
    }
  }

  std::vector<Violation> take() { return std::move(violations_); }

 private:
  // Rendered only when something is wrong, since nearly every request is right.
  struct Step {
    std::string_view member = {};  // of a structure
    std::string_view key = {};     // of a map's entry
    std::size_t index = 0;         // of a list's element, from 1
  };

  // Puts a step behind the path while it lives.
  struct Scope {
    Scope(Checker& owner, Step step) : checker(owner) { checker.path_.push_back(step); }
    ~Scope() { checker.path_.pop_back(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    Checker& checker;
  };

  std::string rendered_path() const {
    std::string out;
    for (const Step& step : path_) {
      if (!out.empty()) out += ".";
      if (!step.member.empty())
        out += lower_first(step.member);
      else
        out += (step.index ? std::to_string(step.index) : std::string(step.key)) + ".member";
    }
    return out;
  }

  void add(const Shape& shape, const Value& value, const std::string& constraint) {
    if (violations_.size() >= kViolationsMax) return;
    violations_.push_back(
        {value_at(shape, value, rendered_path()) + " failed to satisfy constraint: " + constraint,
         top_});
  }

  void check(const Shape& shape, const Value& value) {
    for (const std::string& failure : own_failures(shape, value)) add(shape, value, failure);
    if (const ValueObject* object = value.as_object()) {
      if (shape.type == ShapeType::structure) structure(shape, *object);
      if (shape.type == ShapeType::map) map(shape, value, *object);
    } else if (const ValueList* list = value.as_list()) {
      if (shape.type == ShapeType::list) elements(shape, value, *list);
    }
  }

  void elements(const Shape& shape, const Value& whole, const ValueList& list) {
    const Shape& element = *shape.element->shape;
    if (!holds_members(element)) {
      const bool broken = std::ranges::any_of(list, [&](const Value& item) {
        return item.is_null() || !own_failures(element, item).empty();
      });
      if (broken) add(shape, whole, "Member must satisfy constraint: " + all_constraints(element));
      return;
    }
    for (std::size_t i = 0; i < list.size(); ++i) {
      Scope scope(*this, {.index = i + 1});
      if (list[i].is_null())
        add(element, list[i], "Member must not be null");
      else
        check(element, list[i]);
    }
  }

  void map(const Shape& shape, const Value& whole, const ValueObject& object) {
    const Shape& key = *shape.key->shape;
    const Shape& element = *shape.element->shape;
    auto any = [&](auto broken) { return std::any_of(object.begin(), object.end(), broken); };
    if (any([&](const auto& entry) { return !own_failures(key, Value(entry.first)).empty(); }))
      add(shape, whole, "Map keys must satisfy constraint: " + all_constraints(key));
    if (!holds_members(element)) {
      if (any([&](const auto& entry) {
            return !entry.second.is_null() && !own_failures(element, entry.second).empty();
          }))
        add(shape, whole, "Map value must satisfy constraint: " + all_constraints(element));
      return;
    }
    for (const auto& [name, value] : object) {
      Scope scope(*this, {.key = name});
      if (!value.is_null()) check(element, value);
    }
  }

  boost::container::small_vector<Step, kDepthUsual> path_;
  const Member* top_ = nullptr;
  std::vector<Violation> violations_;
};

std::vector<Violation> find_violations(const Shape& input, const Value& value) {
  static const ValueObject kNothing;
  const ValueObject* object = value.as_object();
  Checker checker;
  checker.structure(input, object ? *object : kNothing);
  return checker.take();
}

std::string message(const std::vector<Violation>& violations) {
  std::string out = std::to_string(violations.size()) + " validation error" +
                    (violations.size() == 1 ? "" : "s") + " detected: ";
  for (std::size_t i = 0; i < violations.size(); ++i) out += (i ? "; " : "") + violations[i].text;
  return out;
}

const char* validation_code(const schema::Service& service, const schema::Operation& operation) {
  for (const char* code : {"ValidationException", "ValidationError", "InvalidParameterException"})
    for (const Shape* error : operation.errors)
      if (error->name == code) return code;
  const bool query = std::ranges::any_of(service.protocols, [](schema::Protocol protocol) {
    return protocol == schema::Protocol::aws_query || protocol == schema::Protocol::ec2_query;
  });
  return query ? "ValidationError" : "ValidationException";
}

// S3 has its own codes, and words of its own for them.
Error s3_error(const Violation& violation, const Value& value) {
  const Member& member = *violation.top;
  if (member.location == schema::Location::body)
    return {"MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published "
            "schema",
            400};
  Error error{"InvalidArgument", violation.text, 400};
  error.details["ArgumentName"] = std::string(member.wire_name);
  if (const Value* given = value.find(member.name); given && !is_sensitive(*member.shape))
    print(*member.shape, *given, error.details["ArgumentValue"]);
  return error;
}

}  // namespace

Result<void> check_constraints(const Shape& input, const Value& value) {
  std::vector<Violation> violations = find_violations(input, value);
  if (violations.empty()) return {};
  return fail("ValidationException", message(violations), 400);
}

Result<void> check_constraints(const schema::Service& service, const schema::Operation& operation,
                               const Value& value) {
  if (!operation.input) return {};
  std::vector<Violation> violations = find_violations(*operation.input, value);
  if (violations.empty()) return {};
  if (service.protocols.front() == schema::Protocol::rest_xml)
    return fail(s3_error(violations.front(), value));
  return fail(validation_code(service, operation), message(violations), 400);
}

}  // namespace tidemill::services
