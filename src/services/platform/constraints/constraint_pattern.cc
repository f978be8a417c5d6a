#include "services/platform/constraints/constraint_pattern.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

#include "base/log.h"
#include "services/platform/constraints/simple_pattern.h"

namespace tidemill::services {

// A condition beside the main expression.
struct ConstraintPattern::Look {
  std::unique_ptr<re2::RE2> expression;
  bool wanted = true;  // false: it must not match
};

struct ConstraintPattern::Compiled {
  std::optional<SimplePattern> simple;  // does the work of all that follows
  std::unique_ptr<re2::RE2> main;
  std::vector<Look> looks;
};

namespace {

constexpr int kRepetitionsMax = 1000;  // RE2's own limit

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// "\uXXXX" at `at`; some models write code points above FFFF with more digits, which Java would not
// read so, but which is what they mean.
std::optional<std::uint32_t> unicode_escape(std::string_view text, std::size_t at,
                                            std::size_t& length) {
  if (text.substr(at, 2) != "\\u") return std::nullopt;
  std::size_t digits = 0;
  while (digits < 6 && at + 2 + digits < text.size() && is_hex(text[at + 2 + digits])) ++digits;
  if (digits < 4) return std::nullopt;
  std::string_view whole = text.substr(at + 2, digits);
  if (!whole.starts_with("10")) digits = 4;
  std::uint32_t code = 0;
  std::from_chars(whole.data(), whole.data() + digits, code, 16);
  length = 2 + digits;
  return code;
}

void append_code(std::string& out, std::uint32_t code) {
  std::array<char, 16> digits{};
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), code, 16).ptr;
  out.append("\\x{").append(digits.data(), end).append("}");
}

// Java's POSIX classes. Empty: RE2 knows the name itself (\p{L}).
std::string_view posix_class(std::string_view name) {
  if (name == "ASCII") return "\\x00-\\x7F";
  if (name == "Alnum") return "[:alnum:]";
  if (name == "Alpha") return "[:alpha:]";
  if (name == "Digit") return "[:digit:]";
  if (name == "Lower") return "[:lower:]";
  if (name == "Upper") return "[:upper:]";
  if (name == "Print") return "[:print:]";
  if (name == "Graph") return "[:graph:]";
  if (name == "Punct") return "[:punct:]";
  if (name == "Space") return "[:space:]";
  return {};
}

struct Translation {
  std::string text;
  bool loosened = false;
};

// One escape sequence at `at`; returns its length.
std::size_t translate_escape(std::string_view in, std::size_t at, bool in_class, std::string& out) {
  std::size_t length = 0;
  if (auto code = unicode_escape(in, at, length)) {
    // A surrogate pair is one code point; a lone surrogate has no UTF-8 form.
    if (*code >= 0xD800 && *code <= 0xDBFF) {
      std::size_t next = 0;
      auto low = unicode_escape(in, at + length, next);
      if (low && *low >= 0xDC00 && *low <= 0xDFFF) {
        code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
        length += next;
      }
    }
    append_code(out, *code);
    return length;
  }
  if (in.substr(at, 3) == "\\p{") {
    std::size_t close = in.find('}', at);
    if (close != std::string_view::npos) {
      std::string_view posix = posix_class(in.substr(at + 3, close - at - 3));
      if (!posix.empty()) {
        if (!in_class) out += '[';
        out += posix;
        if (!in_class) out += ']';
        return close + 1 - at;
      }
    }
  }
  out += in.substr(at, 2);
  return std::min<std::size_t>(2, in.size() - at);
}

// "{m,n}" or "{n}" at `at`; returns its length, 0 when it is no repetition.
std::size_t translate_repetition(std::string_view in, std::size_t at, Translation& out) {
  std::size_t close = in.find('}', at);
  if (close == std::string_view::npos) return 0;
  std::string_view inner = in.substr(at + 1, close - at - 1);
  int low = 0, high = 0;
  auto [after, error] = std::from_chars(inner.data(), inner.data() + inner.size(), low);
  if (error != std::errc()) return 0;
  std::string_view rest = inner.substr(static_cast<std::size_t>(after - inner.data()));
  const bool open = rest == ",";
  if (rest.empty()) {
    high = low;
  } else if (rest[0] == ',' && !open) {
    std::from_chars(rest.data() + 1, rest.data() + rest.size(), high);
  } else if (!open) {
    return 0;
  }
  if (low <= kRepetitionsMax && (open || high <= kRepetitionsMax)) {
    out.text += in.substr(at, close + 1 - at);
  } else {
    out.loosened = true;
    out.text += "{" + std::to_string(std::min(low, kRepetitionsMax)) + ",}";
  }
  return close + 1 - at;
}

Translation translate(std::string_view in) {
  Translation out;
  bool in_class = false;
  for (std::size_t at = 0; at < in.size();) {
    const char c = in[at];
    if (c == '\\') {
      at += translate_escape(in, at, in_class, out.text);
      continue;
    }
    if (!in_class && c == '{') {
      if (std::size_t length = translate_repetition(in, at, out)) {
        at += length;
        continue;
      }
    }
    const bool after_quantifier =
        at > 0 &&
        (in[at - 1] == '*' || in[at - 1] == '+' || in[at - 1] == '?' || in[at - 1] == '}') &&
        !(at > 1 && in[at - 2] == '\\');
    if (!in_class && c == '+' && after_quantifier) {
      ++at;  // Possessive: it only forbids backtracking, which RE2 does not do.
      continue;
    }
    if (!in_class && c == '[') {
      in_class = true;
    } else if (in_class && c == ']') {
      in_class = false;
    }
    out.text += c;
    ++at;
  }
  return out;
}

// The position at which the group that opens at `open` closes; npos when it does not.
std::size_t group_end(std::string_view in, std::size_t open) {
  int depth = 0;
  bool in_class = false;
  for (std::size_t at = open; at < in.size(); ++at) {
    const char c = in[at];
    if (c == '\\') {
      ++at;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && --depth == 0) {
      return at;
    }
  }
  return std::string_view::npos;
}

// Whether the pattern has alternatives outside of every group.
bool has_alternatives(std::string_view in) {
  bool in_class = false;
  for (std::size_t at = 0; at < in.size(); ++at) {
    if (in[at] == '\\') {
      ++at;
    } else if (in_class) {
      in_class = in[at] != ']';
    } else if (in[at] == '[') {
      in_class = true;
    } else if (in[at] == '|') {
      return true;
    } else if (in[at] == '(') {
      std::size_t close = group_end(in, at);
      if (close == std::string_view::npos) return false;
      at = close;
    }
  }
  return false;
}

struct Parts {
  struct Look {
    std::string text;
    bool wanted;
  };
  std::vector<Look> looks;
  std::string main;
};

// Takes look-aheads behind a plain start ("^", or literal characters) and a look-behind at the very
// end out of the pattern: each is a condition on the whole text. What stays inside is left for RE2
// to refuse.
Parts take_looks_out(std::string_view in) {
  Parts parts;
  std::string rest(in);
  while (!has_alternatives(in)) {
    std::string_view view = rest;
    std::size_t plain = 0;
    while (plain < view.size() && (std::isalnum(static_cast<unsigned char>(view[plain])) ||
                                   view[plain] == '/' || view[plain] == '^'))
      ++plain;
    const bool ahead = view.substr(plain).starts_with("(?=");
    const bool not_ahead = view.substr(plain).starts_with("(?!");
    if (!ahead && !not_ahead) break;
    std::size_t close = group_end(view, plain);
    if (close == std::string_view::npos) break;
    std::string before(view.substr(0, plain));
    parts.looks.push_back(
        {"^" + before + "(?:" + std::string(view.substr(plain + 3, close - plain - 3)) + ")",
         ahead});
    rest = before + std::string(view.substr(close + 1));
  }
  constexpr std::string_view kNotBehind = "(?<!";
  std::size_t behind = rest.rfind(kNotBehind);
  if (behind != std::string::npos && !has_alternatives(in) &&
      group_end(rest, behind) == rest.size() - 1) {
    std::string inner = rest.substr(behind + kNotBehind.size());
    inner.pop_back();
    parts.looks.push_back({"(?:" + inner + ")$", false});
    rest.resize(behind);
  }
  parts.main = std::move(rest);
  return parts;
}

std::unique_ptr<re2::RE2> compile(const std::string& text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto expression = std::make_unique<re2::RE2>(text, options);
  if (!expression->ok()) return nullptr;
  return expression;
}

}  // namespace

ConstraintPattern::ConstraintPattern(std::string_view pattern)
    : compiled_(std::make_unique<Compiled>()) {
  Parts parts = take_looks_out(pattern);
  Translation main = translate(parts.main);
  if (parts.looks.empty() && (compiled_->simple = SimplePattern::parse(main.text))) {
    if (main.loosened) support_ = Support::loosened;
    return;
  }
  compiled_->main = compile(main.text);
  bool compiled = compiled_->main != nullptr;
  bool loosened = main.loosened;
  for (const Parts::Look& look : parts.looks) {
    Translation text = translate(look.text);
    // A loosened look-ahead that is not wanted would refuse too much.
    compiled_->looks.push_back({compile(text.text), look.wanted});
    compiled = compiled && compiled_->looks.back().expression && (look.wanted || !text.loosened);
    loosened = loosened || text.loosened;
  }
  if (!compiled) {
    support_ = Support::none;
    log::debug("a pattern of a service model is not checked", {{"pattern", pattern}});
  } else if (loosened) {
    support_ = Support::loosened;
  }
}

ConstraintPattern::~ConstraintPattern() = default;

bool ConstraintPattern::matches(std::string_view text) const {
  if (support_ == Support::none) return true;
  if (compiled_->simple) return compiled_->simple->matches(text);
  const re2::StringPiece piece(text.data(), text.size());
  for (const Look& look : compiled_->looks)
    if (re2::RE2::PartialMatch(piece, *look.expression) != look.wanted) return false;
  return re2::RE2::FullMatch(piece, *compiled_->main);
}

const ConstraintPattern& ConstraintPattern::cached(std::string_view pattern) {
  // Insert-only, so readers take no lock. Bounded by the number of patterns in the models; entries
  // live as long as the process.
  struct Entry {
    Entry(const char* where, std::string_view text) : key(where), pattern(text) {}
    const char* key;
    ConstraintPattern pattern;
    Entry* next = nullptr;
  };
  constexpr std::size_t kBuckets = 1024;
  static std::array<std::atomic<Entry*>, kBuckets> buckets{};

  auto& bucket = buckets[(reinterpret_cast<std::uintptr_t>(pattern.data()) >> 4) % kBuckets];
  Entry* head = bucket.load(std::memory_order_acquire);
  for (Entry* entry = head; entry; entry = entry->next)
    if (entry->key == pattern.data()) return entry->pattern;
  auto made = std::make_unique<Entry>(pattern.data(), pattern);
  made->next = head;
  // Two threads may compile the same pattern at once; both results stay, equal.
  while (!bucket.compare_exchange_weak(made->next, made.get(), std::memory_order_release,
                                       std::memory_order_acquire)) {
  }
  return made.release()->pattern;
}

}  // namespace tidemill::services
