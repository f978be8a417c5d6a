#include "services/sagemaker/jobs/transform_job/data/json_text.h"

#include "base/json.h"
#include "base/limits.h"

namespace tidemill::services::sagemaker::jobs {

namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// Walks over values. Each function begins at its first byte and leaves `position` behind its last;
// false: malformed, `position` says where.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::size_t position = 0;

  void skip_space() {
    while (position < text_.size() && is_space(text_[position])) ++position;
  }
  bool at_end() const { return position >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[position]; }
  bool take(char c) {
    if (peek() != c || at_end()) return false;
    ++position;
    return true;
  }

  bool value(int depth) {
    skip_space();
    switch (peek()) {
      case '{':
        return members(depth);
      case '[':
        return elements(depth);
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        return number();
    }
  }

  bool string() {
    if (!take('"')) return false;
    while (!at_end()) {
      const char c = text_[position];
      if (static_cast<unsigned char>(c) < 0x20) return false;
      ++position;
      if (c == '"') return true;
      if (c == '\\' && !escape()) return false;
    }
    return false;
  }

 private:
  bool escape() {
    const char c = peek();
    if (c != 'u') {
      if (at_end() || std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos)
        return false;
      ++position;
      return true;
    }
    constexpr int kHexDigits = 4;
    ++position;
    for (int i = 0; i < kHexDigits; ++i, ++position)
      if (!is_hex(peek())) return false;
    return true;
  }

  bool word(std::string_view expected) {
    if (!text_.substr(position).starts_with(expected)) return false;
    position += expected.size();
    return true;
  }

  bool digits() {
    if (!is_digit(peek())) return false;
    while (is_digit(peek())) ++position;
    return true;
  }

  bool number() {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (peek() == 'e' || peek() == 'E') {
      ++position;
      if (peek() == '+' || peek() == '-') ++position;
      return digits();
    }
    return true;
  }

  bool members(int depth) {
    if (depth >= int(limits::json_depth_max)) return false;
    ++position;
    skip_space();
    if (take('}')) return true;
    do {
      skip_space();
      if (!string()) return false;
      skip_space();
      if (!take(':') || !value(depth + 1)) return false;
      skip_space();
    } while (take(','));
    return take('}');
  }

  bool elements(int depth) {
    if (depth >= int(limits::json_depth_max)) return false;
    ++position;
    skip_space();
    if (take(']')) return true;
    do {
      if (!value(depth + 1)) return false;
      skip_space();
    } while (take(','));
    return take(']');
  }

  std::string_view text_;
};

std::string unescape(std::string_view quoted) {
  if (quoted.find('\\') == quoted.npos) return std::string(quoted.substr(1, quoted.size() - 2));
  Result<Value> value = parse_json(quoted);
  const std::string* text = value ? value->as_string() : nullptr;
  return text ? *text : std::string(quoted.substr(1, quoted.size() - 2));
}

}  // namespace

Result<void> check_json(std::string_view text) {
  Scanner scanner(text);
  const bool good = scanner.value(0);
  if (good) scanner.skip_space();
  if (good && scanner.at_end()) return {};
  return fail(codes::kInvalid, "no valid JSON at byte " + std::to_string(scanner.position + 1));
}

bool is_json_object(std::string_view text) { return trim_white_space(text).starts_with('{'); }
bool is_json_array(std::string_view text) { return trim_white_space(text).starts_with('['); }

std::vector<JsonMember> json_members(std::string_view object) {
  std::vector<JsonMember> out;
  Scanner scanner(object);
  scanner.skip_space();
  scanner.take('{');
  for (;;) {
    scanner.skip_space();
    const std::size_t name = scanner.position;
    if (!scanner.string()) return out;
    const std::string_view quoted = object.substr(name, scanner.position - name);
    scanner.skip_space();
    scanner.take(':');
    scanner.skip_space();
    const std::size_t value = scanner.position;
    if (!scanner.value(0)) return out;
    out.push_back({unescape(quoted), quoted, object.substr(value, scanner.position - value)});
    scanner.skip_space();
    if (!scanner.take(',')) return out;
  }
}

std::vector<std::string_view> json_elements(std::string_view array) {
  std::vector<std::string_view> out;
  Scanner scanner(array);
  scanner.skip_space();
  scanner.take('[');
  for (;;) {
    scanner.skip_space();
    const std::size_t begin = scanner.position;
    if (scanner.peek() == ']' || !scanner.value(0)) return out;
    out.push_back(array.substr(begin, scanner.position - begin));
    scanner.skip_space();
    if (!scanner.take(',')) return out;
  }
}

void append_compact_json(std::string_view text, std::string& out) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (!quoted && is_space(c)) continue;
    out += c;
    if (c == '"') quoted = !quoted;
    if (c == '\\' && quoted && i + 1 < text.size()) out += text[++i];
  }
}

std::string_view trim_white_space(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace tidemill::services::sagemaker::jobs
