#include "services/platform/constraints/simple_pattern.h"

#include <algorithm>
#include <charconv>

namespace tidemill::services {
namespace {

using Characters = std::bitset<256>;

constexpr unsigned kAsciiEnd = 0x80;

void add_range(Characters& to, unsigned low, unsigned high) {
  for (unsigned c = low; c <= high; ++c) to.set(c);
}

void add_letters_and_digits(Characters& to) {
  add_range(to, 'a', 'z');
  add_range(to, 'A', 'Z');
  add_range(to, '0', '9');
}

}  // namespace

// Reads one expression from its front. A function that finds something else than it knows answers
// nullopt, and the whole is left to RE2.
class SimplePatternReader {
 public:
  explicit SimplePatternReader(std::string_view expression) : rest_(expression) {
    take("^");
    if (rest_.ends_with('$') && !rest_.ends_with("\\$")) rest_.remove_suffix(1);
  }

  std::optional<SimplePattern> read() {
    const std::optional<Characters> characters = read_class();
    if (!characters) return std::nullopt;
    SimplePattern out;
    out.first_ = out.inner_ = out.last_ = *characters;
    if (rest_.starts_with('(')) return read_word(out);
    const std::optional<Repetition> repetition = read_repetition();
    if (!repetition || !rest_.empty()) return std::nullopt;
    out.length_min_ = repetition->low;
    out.length_max_ = repetition->high;
    return out;
  }

 private:
  struct Repetition {
    std::size_t low = 0, high = SIZE_MAX;
  };

  bool take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  // "(B*A)*" behind the first A: any text of both that ends with an A.
  std::optional<SimplePattern> read_word(SimplePattern out) {
    if (!take("(")) return std::nullopt;
    take("?:");
    const std::optional<Characters> between = read_class();
    if (!between || !take("*")) return std::nullopt;
    const std::optional<Characters> last = read_class();
    if (!last || *last != out.last_ || !take(")")) return std::nullopt;
    const std::optional<Repetition> repetition = read_repetition();
    if (!repetition || repetition->low != 0 || !rest_.empty()) return std::nullopt;
    out.inner_ |= *between;
    out.length_min_ = 1;
    // A single group reaches as far as many, where what is between holds the rest, too.
    if (repetition->high > 0 && (*between & *last) == *last) return out;
    if (repetition->high != SIZE_MAX && (*between & *last).any()) return std::nullopt;
    out.counted_max_ = repetition->high;
    return out;
  }

  std::optional<Repetition> read_repetition() {
    if (take("*")) return Repetition{};
    if (take("+")) return Repetition{1, SIZE_MAX};
    if (take("?")) return Repetition{0, 1};
    if (!take("{")) return Repetition{1, 1};
    Repetition out;
    if (!read_number(out.low)) return std::nullopt;
    out.high = out.low;
    if (take(",")) {
      out.high = SIZE_MAX;
      if (!rest_.starts_with('}') && !read_number(out.high)) return std::nullopt;
    }
    if (!take("}") || out.low > out.high) return std::nullopt;
    return out;
  }

  bool read_number(std::size_t& out) {
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
    if (error != std::errc()) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return true;
  }

  // "[a-z_]", "\d", or one character.
  std::optional<Characters> read_class() {
    Characters out;
    if (!take("[")) {
      if (read_named(out)) return out;
      constexpr std::string_view kOperators = ".^$|()*+?{}]";
      if (rest_.empty() || kOperators.contains(rest_.front())) return std::nullopt;
      const std::optional<unsigned> character = read_character();
      return character ? std::optional(out.set(*character)) : std::nullopt;
    }
    if (rest_.starts_with('^') || rest_.starts_with(']')) return std::nullopt;
    while (!take("]"))
      if (!read_item(out)) return std::nullopt;
    return out;
  }

  // A character, a range of them or a named class, within brackets.
  bool read_item(Characters& out) {
    if (read_named(out)) return true;
    const std::optional<unsigned> low = read_character();
    if (!low) return false;
    std::optional<unsigned> high = low;
    if (rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']') {
      rest_.remove_prefix(1);
      high = read_character();
    }
    if (!high || *high < *low) return false;
    add_range(out, *low, *high);
    return true;
  }

  bool read_named(Characters& out) {
    if (take("[:alnum:]")) {  // within brackets alone: "[" was no character elsewhere
      add_letters_and_digits(out);
    } else if (take("\\w")) {
      add_letters_and_digits(out);
      out.set('_');
    } else if (take("\\d")) {
      add_range(out, '0', '9');
    } else if (take("\\s")) {
      for (char c : std::string_view("\t\n\f\r ")) out.set(static_cast<unsigned char>(c));
    } else {
      return false;
    }
    return true;
  }

  // ASCII only.
  std::optional<unsigned> read_character() {
    if (rest_.empty() || rest_.front() == '[') return std::nullopt;
    if (take("\\x")) return read_code();
    const bool escaped = take("\\");
    if (rest_.empty()) return std::nullopt;
    const auto c = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    if (c >= kAsciiEnd) return std::nullopt;
    if (!escaped) return c;
    if (c == 'n') return '\n';
    if (c == 't') return '\t';
    if (c == 'r') return '\r';
    // Other letters and digits name classes and the like.
    Characters names;
    add_letters_and_digits(names);
    return names.test(c) ? std::nullopt : std::optional<unsigned>(c);
  }

  // "20" or "{20}" behind "\x".
  std::optional<unsigned> read_code() {
    constexpr std::size_t kDigits = 2;
    const bool braced = take("{");
    const std::string_view digits =
        rest_.substr(0, braced ? std::min(rest_.find('}'), rest_.size()) : kDigits);
    unsigned code = 0;
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, code, 16);
    if (error != std::errc() || stop != end || (!braced && digits.size() != kDigits) ||
        code >= kAsciiEnd)
      return std::nullopt;
    rest_.remove_prefix(digits.size());
    if (braced && !take("}")) return std::nullopt;
    return code;
  }

  std::string_view rest_;
};

std::optional<SimplePattern> SimplePattern::parse(std::string_view expression) {
  return SimplePatternReader(expression).read();
}

bool SimplePattern::matches(std::string_view text) const {
  if (text.size() < length_min_ || text.size() > length_max_) return false;
  if (text.empty()) return true;
  const auto is_in = [](const Characters& set, char c) {
    return set[static_cast<unsigned char>(c)];
  };
  if (!is_in(first_, text.front()) || !is_in(last_, text.back())) return false;
  std::size_t counted = 0;
  for (char c : text.substr(1)) {
    if (!is_in(inner_, c)) return false;
    counted += is_in(last_, c);
  }
  return counted <= counted_max_;
}

}  // namespace tidemill::services
