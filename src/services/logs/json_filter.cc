// Parses and evaluates JSON filters like { $.level = "error" && $.latency > 5 }.
#include <re2/re2.h>

#include <charconv>
#include <optional>
#include <variant>
#include <vector>

#include "base/json.h"
#include "services/logs/filter_pattern.h"

namespace tidemill::services::logs {
namespace {

constexpr int kDepthMax = 32;

std::unexpected<Error> invalid(std::size_t at, const char* why) {
  return fail("InvalidParameterException", "Invalid filter pattern: " + std::string(why) +
                                               " at character " + std::to_string(at + 1));
}

// One step of a selector: a member's name or an element's index.
using Step = std::variant<std::string, std::size_t>;

const Value* select(const Value& root, const std::vector<Step>& steps) {
  const Value* value = &root;
  for (const Step& step : steps) {
    if (const std::string* name = std::get_if<std::string>(&step)) {
      value = value->find(*name);
    } else {
      const ValueList* list = value->as_list();
      std::size_t index = std::get<std::size_t>(step);
      value = list && index < list->size() ? &(*list)[index] : nullptr;
    }
    if (!value) return nullptr;
  }
  return value;
}

class Condition {
 public:
  virtual ~Condition() = default;
  virtual bool holds(const Value& root) const = 0;
};

class Both final : public Condition {
 public:
  Both(std::unique_ptr<Condition> left, std::unique_ptr<Condition> right, bool conjunction)
      : left_(std::move(left)), right_(std::move(right)), conjunction_(conjunction) {}
  bool holds(const Value& root) const override {
    return conjunction_ ? left_->holds(root) && right_->holds(root)
                        : left_->holds(root) || right_->holds(root);
  }

 private:
  std::unique_ptr<Condition> left_, right_;
  bool conjunction_;
};

enum class Operator {
  equal,
  unequal,
  less,
  less_equal,
  greater,
  greater_equal,
  is_null,
  is_true,
  is_false,
  exists,
  not_exists
};

struct Comparison final : Condition {
  std::vector<Step> selector;
  Operator op = Operator::exists;
  std::string text;              // the operand as written, without quotes
  std::optional<double> number;  // when the operand is an unquoted number
  std::unique_ptr<re2::RE2> expression;

  bool holds(const Value& root) const override {
    const Value* value = select(root, selector);
    switch (op) {
      case Operator::exists:
        return value;
      case Operator::not_exists:
        return !value;
      case Operator::is_null:
        return value && value->is_null();
      case Operator::is_true:
        return value && *value == Value(true);
      case Operator::is_false:
        return value && *value == Value(false);
      default:
        break;
    }
    // Comparing a missing member is always false, even with !=.
    return value && compare(*value);
  }

 private:
  bool compare(const Value& value) const {
    std::optional<double> other;
    if (const std::int64_t* whole = value.get_if<std::int64_t>()) other = double(*whole);
    if (const double* real = value.get_if<double>()) other = *real;
    if (op == Operator::equal) return equals(value, other);
    if (op == Operator::unequal) return !equals(value, other);
    if (!number || !other) return false;
    switch (op) {
      case Operator::less:
        return *other < *number;
      case Operator::less_equal:
        return *other <= *number;
      case Operator::greater:
        return *other > *number;
      default:
        return *other >= *number;
    }
  }

  bool equals(const Value& value, std::optional<double> other) const {
    if (other) return number && *other == *number;
    const std::string* held = value.as_string();
    if (!held) {
      const bool* boolean = value.get_if<bool>();
      return boolean && text == (*boolean ? "true" : "false");
    }
    if (expression) return re2::RE2::PartialMatch(*held, *expression);
    return matches_wildcard(text, *held);
  }
};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::unique_ptr<Condition>> parse() {
    if (!take("{")) return invalid(at_, "expected '{'");
    std::unique_ptr<Condition> condition = TRY(disjunction(0));
    if (!take("}")) return invalid(at_, "expected '}'");
    skip_space();
    if (at_ != text_.size()) return invalid(at_, "text after the end");
    return condition;
  }

 private:
  using Parsed = Result<std::unique_ptr<Condition>>;

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
  }
  bool take(std::string_view token) {
    skip_space();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  Parsed disjunction(int depth) {
    std::unique_ptr<Condition> left = TRY(conjunction(depth));
    while (take("||")) {
      std::unique_ptr<Condition> right = TRY(conjunction(depth));
      left = std::make_unique<Both>(std::move(left), std::move(right), false);
    }
    return left;
  }
  Parsed conjunction(int depth) {
    std::unique_ptr<Condition> left = TRY(primary(depth));
    while (take("&&")) {
      std::unique_ptr<Condition> right = TRY(primary(depth));
      left = std::make_unique<Both>(std::move(left), std::move(right), true);
    }
    return left;
  }
  Parsed primary(int depth) {
    if (depth > kDepthMax) return invalid(at_, "nested too deeply");
    if (!take("(")) return comparison();
    std::unique_ptr<Condition> inner = TRY(disjunction(depth + 1));
    if (!take(")")) return invalid(at_, "expected ')'");
    return inner;
  }

  Parsed comparison() {
    auto made = std::make_unique<Comparison>();
    made->selector = TRY(selector());
    static constexpr std::pair<std::string_view, Operator> kWords[] = {
        {"NOT EXISTS", Operator::not_exists},
        {"EXISTS", Operator::exists},
        {"IS NULL", Operator::is_null},
        {"IS TRUE", Operator::is_true},
        {"IS FALSE", Operator::is_false}};
    for (const auto& [word, op] : kWords) {
      if (!take(word)) continue;
      made->op = op;
      return std::unique_ptr<Condition>(std::move(made));
    }
    static constexpr std::pair<std::string_view, Operator> kSigns[] = {
        {"!=", Operator::unequal}, {">=", Operator::greater_equal}, {"<=", Operator::less_equal},
        {"=", Operator::equal},    {">", Operator::greater},        {"<", Operator::less}};
    bool found = false;
    for (const auto& [sign, op] : kSigns) {
      if (!take(sign)) continue;
      made->op = op;
      found = true;
      break;
    }
    if (!found) return invalid(at_, "expected an operator");
    TRY(operand(*made));
    if (made->op > Operator::unequal && !made->number)
      return invalid(at_, "only numbers have an order");
    return std::unique_ptr<Condition>(std::move(made));
  }

  Result<std::vector<Step>> selector() {
    if (!take("$")) return invalid(at_, "expected a selector ('$.member')");
    std::vector<Step> steps;
    while (at_ < text_.size()) {
      if (text_[at_] == '.') {
        std::size_t start = ++at_;
        at_ = std::min(text_.find_first_of(" .[=!<>)}&|\t", at_), text_.size());
        if (at_ == start) return invalid(at_, "a member without a name");
        steps.emplace_back(std::string(text_.substr(start, at_ - start)));
      } else if (text_[at_] == '[') {
        TRY(bracket(steps));
      } else {
        break;
      }
    }
    if (steps.empty()) return invalid(at_, "a selector without a member");
    return steps;
  }
  // Reads [0] or ["name"].
  Result<void> bracket(std::vector<Step>& steps) {
    ++at_;
    if (at_ < text_.size() && text_[at_] == '"') {
      std::string name = TRY(quoted());
      steps.emplace_back(std::move(name));
    } else {
      std::size_t index = 0;
      auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), index);
      if (error != std::errc()) return invalid(at_, "expected an index");
      at_ = std::size_t(end - text_.data());
      steps.emplace_back(index);
    }
    if (at_ >= text_.size() || text_[at_] != ']') return invalid(at_, "expected ']'");
    ++at_;
    return {};
  }

  Result<std::string> quoted() {
    std::string out;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size())
        out += text_[++at_];
      else if (text_[at_] == '"')
        return ++at_, out;
      else
        out += text_[at_];
    }
    return invalid(at_, "a quotation mark is not closed");
  }

  Result<void> operand(Comparison& made) {
    skip_space();
    if (at_ < text_.size() && text_[at_] == '"') {
      made.text = TRY(quoted());
      return {};
    }
    if (at_ < text_.size() && text_[at_] == '%') {
      std::size_t end = text_.find('%', at_ + 1);
      if (end == text_.npos) return invalid(at_, "a regular expression is not closed by '%'");
      made.expression = std::make_unique<re2::RE2>(
          std::string(text_.substr(at_ + 1, end - at_ - 1)), re2::RE2::Quiet);
      if (!made.expression->ok()) return invalid(at_, "not a regular expression");
      at_ = end + 1;
      return {};
    }
    std::size_t start = at_;
    at_ = std::min(text_.find_first_of(" \t)}&|", at_), text_.size());
    made.text = std::string(text_.substr(start, at_ - start));
    if (made.text.empty()) return invalid(at_, "expected a value");
    double number = 0;
    const char* last = made.text.data() + made.text.size();
    auto [end, error] = std::from_chars(made.text.data(), last, number);
    if (error == std::errc() && end == last) made.number = number;
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

class JsonPattern final : public FilterPattern {
 public:
  explicit JsonPattern(std::unique_ptr<Condition> condition) : condition_(std::move(condition)) {}
  bool matches(std::string_view message) const override {
    // Most log lines are not JSON; their first character shows it without parsing.
    std::size_t start = message.find_first_not_of(" \t\r\n");
    if (start == message.npos || (message[start] != '{' && message[start] != '[')) return false;
    Result<Value> root = parse_json(message);
    return root && condition_->holds(*root);
  }

 private:
  std::unique_ptr<Condition> condition_;
};

}  // namespace

Result<std::unique_ptr<FilterPattern>> parse_json_filter(std::string_view text) {
  std::unique_ptr<Condition> condition = TRY(Parser(text).parse());
  return std::unique_ptr<FilterPattern>(std::make_unique<JsonPattern>(std::move(condition)));
}

}  // namespace tidemill::services::logs
