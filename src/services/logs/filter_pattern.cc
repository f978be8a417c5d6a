#include "services/logs/filter_pattern.h"

#include <re2/re2.h>

#include <algorithm>
#include <vector>

namespace tidemill::services::logs {
namespace {

std::unexpected<Error> invalid(const std::string& why) {
  return fail("InvalidParameterException", "Invalid filter pattern: " + why);
}

struct Term {
  enum class Kind { required, any, excluded } kind = Kind::required;
  std::string text;
  std::shared_ptr<const re2::RE2> expression;  // null: plain text; shared: terms move between lists

  bool found_in(std::string_view message) const {
    if (expression) return re2::RE2::PartialMatch({message.data(), message.size()}, *expression);
    return message.find(text) != message.npos;
  }
};

class TermPattern final : public FilterPattern {
 public:
  explicit TermPattern(std::vector<Term> terms) : terms_(std::move(terms)) {
    // AWS ignores terms with "?" when there are others.
    only_any_ =
        std::ranges::all_of(terms_, [](const Term& term) { return term.kind == Term::Kind::any; });
  }

  bool matches(std::string_view message) const override {
    if (terms_.empty()) return true;
    if (only_any_)
      return std::ranges::any_of(terms_, [&](const Term& term) { return term.found_in(message); });
    return std::ranges::all_of(terms_, [&](const Term& term) {
      if (term.kind == Term::Kind::any) return true;
      return term.found_in(message) == (term.kind == Term::Kind::required);
    });
  }

 private:
  std::vector<Term> terms_;
  bool only_any_ = false;
};

// Reads the quoted text; `text[at]` is the opening quote, and `at` ends behind the closing one.
Result<std::string> read_quoted(std::string_view text, std::size_t& at) {
  std::string out;
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size())
      out += text[++at];
    else if (text[at] == '"')
      return ++at, out;
    else
      out += text[at];
  }
  return invalid("a quotation mark is not closed");
}

Result<Term> read_term(std::string_view text, std::size_t& at) {
  Term term;
  if (text[at] == '?' || text[at] == '-') {
    term.kind = text[at] == '?' ? Term::Kind::any : Term::Kind::excluded;
    ++at;
  }
  if (at >= text.size() || text[at] == ' ') return invalid("'?' or '-' without a term");
  if (text[at] == '"') {
    term.text = TRY(read_quoted(text, at));
    return term;
  }
  if (text[at] == '%') {
    std::size_t end = text.find('%', at + 1);
    if (end == text.npos) return invalid("a regular expression is not closed by '%'");
    re2::RE2::Options options(re2::RE2::Quiet);
    std::string source(text.substr(at + 1, end - at - 1));
    term.expression = std::make_shared<const re2::RE2>(source, options);
    if (!term.expression->ok()) return invalid(term.expression->error());
    at = end + 1;
    return term;
  }
  std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
  term.text = std::string(text.substr(at, end - at));
  at = end;
  return term;
}

}  // namespace

Result<std::unique_ptr<FilterPattern>> parse_filter_pattern(std::string_view text) {
  std::size_t at = text.find_first_not_of(" \t");
  if (at != text.npos && text[at] == '{') return parse_json_filter(text.substr(at));
  if (at != text.npos && text[at] == '[')
    return invalid("space-delimited patterns ([a, b, ...]) are not implemented by Tidemill");
  std::vector<Term> terms;
  while (at < text.size()) {
    Term term = TRY(read_term(text, at));
    terms.push_back(std::move(term));
    at = std::min(text.find_first_not_of(" \t", at), text.size());
  }
  return std::unique_ptr<FilterPattern>(std::make_unique<TermPattern>(std::move(terms)));
}

bool matches_wildcard(std::string_view pattern, std::string_view text) {
  // Greedy, with a single point to backtrack to: linear in practice, never exponential.
  std::size_t p = 0, t = 0, star = pattern.npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != pattern.npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace tidemill::services::logs
