#include "wire/protocols/typed_value.h"

#include <cmath>
#include <limits>

#include "base/encoding.h"
#include "base/json.h"
#include "wire/protocols/scalar.h"

namespace tidemill::wire {
namespace {

using schema::Location;
using schema::Member;
using schema::Shape;
using schema::ShapeType;

// Deeper than any model; limits the stack that recursive shapes use.
constexpr int kDepthMax = 128;

// The path from the root to the current value, as links on the stack: its text is made only for
// errors.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;
  std::size_t index = 0;
  int depth = 0;

  std::string text() const {
    if (!parent) return "";
    std::string before = parent->text();
    if (name.empty()) return before + "[" + std::to_string(index) + "]";
    return before.empty() ? std::string(name) : before + "." + std::string(name);
  }
};

std::string_view kind_of(const Value& value) {
  static constexpr std::string_view kNames[] = {"NULL_VALUE",   "BOOLEAN_VALUE", "NUMBER_VALUE",
                                                "NUMBER_VALUE", "STRING_VALUE",  "BLOB_VALUE",
                                                "TIME_VALUE",   "START_ARRAY",   "START_OBJECT"};
  return kNames[value.storage().index()];
}

std::unexpected<Error> mismatch(const Value& value, const Shape& shape, const Path& path) {
  std::string where = path.text();
  std::string message(kind_of(value));
  message += " can not be converted to " + std::string(type_name(shape.type));
  if (!where.empty()) message += " at member '" + where + "'";
  return fail(codes::kInvalid, std::move(message));
}

std::unexpected<Error> out_of_range(const Shape& shape, const Path& path) {
  return fail(codes::kInvalid, "number out of range of " + std::string(type_name(shape.type)) +
                                   " at member '" + path.text() + "'");
}

class Reader {
 public:
  Result<Value> read(const Shape& shape, const Member* member, Value&& tree, const Path& path) {
    if (path.depth > kDepthMax)
      return fail(codes::kInvalid, "nested too deeply at member '" + path.text() + "'");
    switch (shape.type) {
      case ShapeType::structure:
        return read_structure(shape, std::move(tree), path, false);
      case ShapeType::list:
        return read_list(shape, std::move(tree), path);
      case ShapeType::map:
        return read_map(shape, std::move(tree), path);
      case ShapeType::string:
        if (!tree.as_string()) return mismatch(tree, shape, path);
        return std::move(tree);
      case ShapeType::boolean:
        if (!tree.get_if<bool>()) return mismatch(tree, shape, path);
        return std::move(tree);
      case ShapeType::integer:
      case ShapeType::long_integer:
        return read_integer(shape, tree, path);
      case ShapeType::float_number:
      case ShapeType::double_number:
        return read_number(shape, tree, path);
      case ShapeType::blob:
        return read_blob(shape, std::move(tree), path);
      case ShapeType::timestamp:
        return read_timestamp(shape, member, tree, path);
      case ShapeType::document:
        return std::move(tree);
    }
    return mismatch(tree, shape, path);
  }

  Result<Value> read_structure(const Shape& shape, Value&& tree, const Path& path, bool body_only) {
    ValueObject* object = tree.as_object();
    if (!object) return mismatch(tree, shape, path);
    ValueObject out;
    out.reserve(std::min(object->size(), shape.members.size()));
    for (auto& [name, value] : *object) {
      if (value.is_null()) continue;
      const Member* member = find(shape, name);
      if (!member || (body_only && member->location != Location::body)) continue;
      Path here{&path, member->name, 0, path.depth + 1};
      Value read_value = TRY(read(*member->shape, member, std::move(value), here));
      out.set(member->name, std::move(read_value));
    }
    return Value(std::move(out));
  }

 private:
  const Member* find(const Shape& shape, std::string_view name) const {
    for (const Member& member : shape.members)
      if (member.wire_name == name) return &member;
    return nullptr;
  }

  Result<Value> read_list(const Shape& shape, Value&& tree, const Path& path) {
    ValueList* list = tree.get_if<ValueList>();
    if (!list) return mismatch(tree, shape, path);
    ValueList out;
    out.reserve(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
      if ((*list)[i].is_null()) continue;
      Path here{&path, {}, i, path.depth + 1};
      Value value = TRY(read(*shape.element->shape, shape.element, std::move((*list)[i]), here));
      out.push_back(std::move(value));
    }
    return Value(std::move(out));
  }

  Result<Value> read_map(const Shape& shape, Value&& tree, const Path& path) {
    ValueObject* object = tree.as_object();
    if (!object) return mismatch(tree, shape, path);
    ValueObject out;
    out.reserve(object->size());
    for (auto& [name, value] : *object) {
      if (value.is_null()) continue;
      Path here{&path, name, 0, path.depth + 1};
      Value item = TRY(read(*shape.element->shape, shape.element, std::move(value), here));
      out.append(name, std::move(item));
    }
    return Value(std::move(out));
  }

  Result<Value> read_integer(const Shape& shape, const Value& tree, const Path& path) {
    if (const std::int64_t* number = tree.get_if<std::int64_t>()) {
      if (!integer_in_range(shape, *number)) return out_of_range(shape, path);
      return Value(*number);
    }
    const double* real = tree.get_if<double>();
    if (!real) return mismatch(tree, shape, path);
    // Some clients write integers as 3.0; 2^63 and above are out of range.
    if (!(std::abs(*real) < 9.2e18)) return out_of_range(shape, path);
    auto whole = static_cast<std::int64_t>(*real);
    if (double(whole) != *real) return mismatch(tree, shape, path);
    if (!integer_in_range(shape, whole)) return out_of_range(shape, path);
    return Value(whole);
  }

  Result<Value> read_number(const Shape& shape, const Value& tree, const Path& path) {
    if (const double* number = tree.get_if<double>()) return Value(*number);
    if (const std::int64_t* whole = tree.get_if<std::int64_t>()) return Value(double(*whole));
    if (const std::string* text = tree.as_string()) {
      if (*text == "NaN") return Value(std::numeric_limits<double>::quiet_NaN());
      if (*text == "Infinity") return Value(std::numeric_limits<double>::infinity());
      if (*text == "-Infinity") return Value(-std::numeric_limits<double>::infinity());
    }
    return mismatch(tree, shape, path);
  }

  Result<Value> read_blob(const Shape& shape, Value&& tree, const Path& path) {
    if (tree.get_if<Blob>()) return std::move(tree);
    const std::string* text = tree.as_string();
    if (!text) return mismatch(tree, shape, path);
    Result<std::string> bytes = decode_base64(*text);
    if (!bytes) return fail(codes::kInvalid, "not valid base64 at member '" + path.text() + "'");
    return Value(Blob{std::move(*bytes)});
  }

  Result<Value> read_timestamp(const Shape& shape, const Member* member, const Value& tree,
                               const Path& path) {
    if (const Timestamp* time = tree.get_if<Timestamp>()) return Value(*time);
    Result<Timestamp> time = fail(codes::kInvalid, "");
    if (const std::int64_t* seconds = tree.get_if<std::int64_t>())
      time = timestamp_from_seconds(double(*seconds));
    else if (const double* real = tree.get_if<double>())
      time = timestamp_from_seconds(*real);
    else if (const std::string* text = tree.as_string())
      time =
          parse_timestamp(*text, timestamp_format(member, shape, TimestampFormat::unix_timestamp));
    if (!time) return mismatch(tree, shape, path);
    return Value(*time);
  }
};

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void write(const Shape& shape, const Member* member, const Value& value) {
    switch (shape.type) {
      case ShapeType::structure:
        return write_structure(shape, value, false);
      case ShapeType::list:
        return write_list(shape, value);
      case ShapeType::map:
        return write_map(shape, value);
      case ShapeType::timestamp:
        return write_timestamp(shape, member, value);
      case ShapeType::blob:
        if (value.as_string() || value.get_if<Blob>()) {
          out_ += '"';
          out_ += format_scalar(shape, value, TimestampFormat::unspecified);
          out_ += '"';
          return;
        }
        break;
      case ShapeType::float_number:
        if (const double* number = value.get_if<double>(); number && std::isfinite(*number)) {
          out_ += format_number(*number, true);
          return;
        }
        break;
      default:
        break;
    }
    write_json(value, out_);
  }

  void write_structure(const Shape& shape, const Value& value, bool body_only) {
    const ValueObject* object = value.as_object();
    out_ += '{';
    bool first = true;
    // In the order of the Value, which handlers choose; members unknown to the model are not sent.
    if (object) {
      for (const auto& [name, item] : *object) {
        const Member* member = item.is_null() ? nullptr : schema::find_member(shape, name);
        if (!member || (body_only && member->location != Location::body)) continue;
        if (!first) out_ += ',';
        first = false;
        write_json_string(member->wire_name, out_);
        out_ += ':';
        write(*member->shape, member, item);
      }
    }
    out_ += '}';
  }

 private:
  void write_list(const Shape& shape, const Value& value) {
    const ValueList* list = value.as_list();
    out_ += '[';
    bool first = true;
    if (list) {
      for (const Value& item : *list) {
        if (!first) out_ += ',';
        first = false;
        write(*shape.element->shape, shape.element, item);
      }
    }
    out_ += ']';
  }

  void write_map(const Shape& shape, const Value& value) {
    const ValueObject* object = value.as_object();
    out_ += '{';
    bool first = true;
    if (object) {
      for (const auto& [key, item] : *object) {
        if (item.is_null()) continue;
        if (!first) out_ += ',';
        first = false;
        write_json_string(key, out_);
        out_ += ':';
        write(*shape.element->shape, shape.element, item);
      }
    }
    out_ += '}';
  }

  void write_timestamp(const Shape& shape, const Member* member, const Value& value) {
    const Timestamp* time = value.get_if<Timestamp>();
    if (!time) return write_json(value, out_);
    TimestampFormat format = timestamp_format(member, shape, TimestampFormat::unix_timestamp);
    std::string text = format_timestamp(*time, format);
    if (format == TimestampFormat::unix_timestamp)
      out_ += text;
    else
      write_json_string(text, out_);
  }

  std::string& out_;
};

}  // namespace

Result<Value> typed_value(const Shape& shape, Value tree, bool body_only) {
  Reader reader;
  Path root;
  if (shape.type == ShapeType::structure)
    return reader.read_structure(shape, std::move(tree), root, body_only);
  return reader.read(shape, nullptr, std::move(tree), root);
}

void write_typed_json(const Shape& shape, const Value& value, std::string& out, bool body_only) {
  Writer writer(out);
  if (shape.type == ShapeType::structure) return writer.write_structure(shape, value, body_only);
  writer.write(shape, nullptr, value);
}

}  // namespace tidemill::wire
