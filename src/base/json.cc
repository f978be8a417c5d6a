#include "base/json.h"

#include <simdjson.h>

#include <charconv>
#include <cmath>

#include "base/encoding.h"
#include "base/limits.h"
#include "base/utf8.h"

namespace tidemill {
namespace {

Result<Value> convert(const simdjson::dom::element& element) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::NULL_VALUE:
      return Value();
    case element_type::BOOL:
      return Value(bool(element));
    case element_type::INT64:
      return Value(std::int64_t(element));
    case element_type::UINT64:
      return Value(double(std::uint64_t(element)));
    case element_type::DOUBLE:
      return Value(double(element));
    case element_type::STRING:
      return Value(std::string_view(element));
    case element_type::ARRAY: {
      const simdjson::dom::array array(element);
      ValueList list;
      list.reserve(array.size());
      for (simdjson::dom::element item : array) {
        Result<Value> value = convert(item);
        if (!value) return value;
        list.push_back(*std::move(value));
      }
      return Value(std::move(list));
    }
    case element_type::OBJECT: {
      const simdjson::dom::object members(element);
      ValueObject object;
      object.reserve(members.size());
      for (auto [key, item] : members) {
        Result<Value> value = convert(item);
        if (!value) return value;
        object.append(std::string(key), *std::move(value));
      }
      return Value(std::move(object));
    }
  }
  return fail(codes::kInvalid, "unknown JSON element");
}

void write_double(double number, std::string& out) {
  if (std::isnan(number)) {
    out += "\"NaN\"";
  } else if (std::isinf(number)) {
    out += number > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    char buffer[32];
    auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number);
    std::string_view text(buffer, std::size_t(end - buffer));
    out += text;
    // Keeps a double a double when read back.
    if (text.find_first_of(".e") == std::string_view::npos) out += ".0";
  }
}

void write_timestamp(Timestamp time, std::string& out) {
  std::int64_t seconds = time.microseconds / 1'000'000;
  std::int64_t fraction = time.microseconds % 1'000'000;
  if (fraction < 0) {
    seconds -= 1;
    fraction += 1'000'000;
  }
  out += std::to_string(seconds);
  if (fraction != 0) {
    std::string digits = std::to_string(1'000'000 + fraction).substr(1);
    while (digits.ends_with('0')) digits.pop_back();
    out += "." + digits;
  }
}

bool is_escaped(unsigned char c) { return (c < 0x20) | (c == '"') | (c == '\\'); }

// The next byte from `at` on that needs an escape, or the text's size. Adds the bits of the bytes
// that it has seen to `bits`. Looks at whole blocks, of which the compiler checks all bytes at
// once.
std::size_t find_escaped(std::string_view text, std::size_t at, unsigned char& bits) {
  constexpr std::size_t kBlockBytes = 16;
  for (; text.size() - at >= kBlockBytes; at += kBlockBytes) {
    unsigned char found = 0, seen = 0;
    for (std::size_t i = 0; i < kBlockBytes; ++i) {
      const auto c = static_cast<unsigned char>(text[at + i]);
      found |= static_cast<unsigned char>(is_escaped(c));
      seen |= c;
    }
    bits |= seen;
    if (found) break;
  }
  for (; at < text.size(); ++at) {
    const auto c = static_cast<unsigned char>(text[at]);
    bits |= c;
    if (is_escaped(c)) break;
  }
  return at;
}

class Writer {
 public:
  Writer(std::string& out, bool pretty) : out_(out), pretty_(pretty) {}

  void write(const Value& value, int depth) {
    std::visit([&](const auto& held) { put(held, depth); }, value.storage());
  }

 private:
  void put(std::monostate, int) { out_ += "null"; }
  void put(bool value, int) { out_ += value ? "true" : "false"; }
  void put(std::int64_t value, int) { out_ += std::to_string(value); }
  void put(double value, int) { write_double(value, out_); }
  void put(const std::string& value, int) { write_json_string(value, out_); }
  void put(const Blob& value, int) { write_json_string(encode_base64(value.bytes), out_); }
  void put(Timestamp value, int) { write_timestamp(value, out_); }
  void put(const ValueList& list, int depth) {
    if (list.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    bool first = true;
    for (const Value& item : list) {
      separate(first, depth + 1);
      write(item, depth + 1);
    }
    close(']', depth);
  }
  void put(const ValueObject& object, int depth) {
    if (object.empty()) {
      out_ += "{}";
      return;
    }
    out_ += '{';
    bool first = true;
    for (const auto& [key, item] : object) {
      separate(first, depth + 1);
      write_json_string(key, out_);
      out_ += pretty_ ? ": " : ":";
      write(item, depth + 1);
    }
    close('}', depth);
  }
  void separate(bool& first, int depth) {
    if (!first) out_ += ',';
    first = false;
    indent(depth);
  }
  void close(char bracket, int depth) {
    indent(depth);
    out_ += bracket;
  }
  void indent(int depth) {
    if (!pretty_) return;
    out_ += '\n';
    out_.append(std::size_t(depth) * 2, ' ');
  }

  std::string& out_;
  bool pretty_;
};

Result<Value> parse_with(simdjson::dom::parser& parser, std::string_view text) {
  if (parser.max_depth() != limits::json_depth_max)
    if (parser.allocate(4096, limits::json_depth_max)) return fail(codes::kInvalid, "no memory");
  simdjson::dom::element root;
  if (simdjson::error_code error = parser.parse(text.data(), text.size()).get(root))
    return fail(codes::kInvalid, std::string("not valid JSON: ") + simdjson::error_message(error));
  return convert(root);
}

}  // namespace

Result<Value> parse_json(std::string_view text) {
  // One parser per thread: it keeps its buffers between documents, except after large ones, because
  // buffers are a dozen times as large as the text.
  constexpr std::size_t kKeptTextBytesMax = 1u << 20;
  thread_local simdjson::dom::parser kept;
  if (text.size() <= kKeptTextBytesMax) return parse_with(kept, text);
  simdjson::dom::parser parser;
  return parse_with(parser, text);
}

void write_json_string(std::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  const std::size_t before = out.size();
  out += '"';
  unsigned char all = 0;
  for (std::size_t plain = 0;;) {
    const std::size_t end = find_escaped(text, plain, all);
    out.append(text, plain, end - plain);
    if (end == text.size()) break;
    plain = end + 1;
    switch (const auto c = static_cast<unsigned char>(text[end])) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += "\\u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out += '"';
  // Names and messages may come from anywhere; a record or an answer that is not valid UTF-8 could
  // not be read again.
  if (all < 0x80 || is_valid_utf8(text)) return;
  out.resize(before);
  write_json_string(to_valid_utf8(text), out);
}

void write_json(const Value& value, std::string& out) { Writer(out, false).write(value, 0); }

std::string write_json(const Value& value) {
  std::string out;
  write_json(value, out);
  return out;
}

std::string write_json_pretty(const Value& value) {
  std::string out;
  Writer(out, true).write(value, 0);
  out += '\n';
  return out;
}

}  // namespace tidemill
