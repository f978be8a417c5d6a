#include "services/iam/policy_language/condition.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/clock.h"
#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {
namespace {

// Compares a wanted value (from the policy) with an actual one (from the request).
using Test = bool (*)(std::string_view wanted, std::string_view actual);

std::optional<double> number(std::string_view text) {
  double out = 0;
  auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (code != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return out;
}
// ISO 8601, or seconds since the epoch.
std::optional<double> date(std::string_view text) {
  if (auto time = parse_iso8601(text)) return double(time->microseconds) / 1e6;
  return number(text);
}

template <std::optional<double> (*Read)(std::string_view), class Compare>
bool compare(std::string_view wanted, std::string_view actual) {
  const auto a = Read(actual), b = Read(wanted);
  return a && b && Compare()(*a, *b);
}

bool equals(std::string_view wanted, std::string_view actual) { return wanted == actual; }
bool equals_ignoring_case(std::string_view wanted, std::string_view actual) {
  return ascii_lower(wanted) == ascii_lower(actual);
}

// Each of an ARN's six parts for itself: a '*' in one does not reach into the next.
bool arn_like(std::string_view wanted, std::string_view actual) {
  constexpr int kPartsBeforeResource = 5;
  if (std::ranges::count(wanted, ':') < kPartsBeforeResource)
    return matches_wildcard(wanted, actual);
  for (int part = 0; part < kPartsBeforeResource; ++part) {
    const std::size_t end = wanted.find(':'), actual_end = actual.find(':');
    if (actual_end == actual.npos ||
        !matches_wildcard(wanted.substr(0, end), actual.substr(0, actual_end)))
      return false;
    wanted.remove_prefix(end + 1);
    actual.remove_prefix(actual_end + 1);
  }
  return matches_wildcard(wanted, actual);
}

struct Address {
  unsigned char bytes[16] = {};
  int bits = 0;  // 32 or 128; 0: none
};
Address parse_address(std::string_view text) {
  Address address;
  const std::string copy(text);
  if (inet_pton(AF_INET, copy.c_str(), address.bytes) == 1)
    address.bits = 32;
  else if (inet_pton(AF_INET6, copy.c_str(), address.bytes) == 1)
    address.bits = 128;
  // "::ffff:10.0.0.1" is an IPv4 address, as a socket for both families shows it.
  constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};
  if (address.bits == 128 && std::memcmp(address.bytes, kMapped, sizeof kMapped) == 0) {
    std::memmove(address.bytes, address.bytes + sizeof kMapped, 4);
    address.bits = 32;
  }
  return address;
}
bool in_network(std::string_view network, std::string_view actual) {
  const std::size_t slash = std::min(network.find('/'), network.size());
  const Address base = parse_address(network.substr(0, slash)), address = parse_address(actual);
  if (base.bits == 0 || base.bits != address.bits) return false;
  int prefix = base.bits;
  if (slash < network.size()) {
    const auto given = number(network.substr(slash + 1));
    if (!given || *given < 0 || *given > base.bits) return false;
    prefix = int(*given);
  }
  for (int bit = 0; bit < prefix; ++bit) {
    const int mask = 128 >> (bit % 8);
    if ((base.bytes[bit / 8] & mask) != (address.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

struct Operator {
  std::string_view name;
  Test test;
  bool negated = false;
};
constexpr Operator kOperators[] = {
    {"StringEquals", equals},
    {"StringNotEquals", equals, true},
    {"StringEqualsIgnoreCase", equals_ignoring_case},
    {"StringNotEqualsIgnoreCase", equals_ignoring_case, true},
    {"StringLike", matches_wildcard},
    {"StringNotLike", matches_wildcard, true},
    {"ArnEquals", arn_like},
    {"ArnLike", arn_like},
    {"ArnNotEquals", arn_like, true},
    {"ArnNotLike", arn_like, true},
    {"Bool", equals_ignoring_case},
    {"BinaryEquals", equals},
    {"NumericEquals", compare<number, std::equal_to<double>>},
    {"NumericNotEquals", compare<number, std::equal_to<double>>, true},
    {"NumericLessThan", compare<number, std::less<double>>},
    {"NumericLessThanEquals", compare<number, std::less_equal<double>>},
    {"NumericGreaterThan", compare<number, std::greater<double>>},
    {"NumericGreaterThanEquals", compare<number, std::greater_equal<double>>},
    {"DateEquals", compare<date, std::equal_to<double>>},
    {"DateNotEquals", compare<date, std::equal_to<double>>, true},
    {"DateLessThan", compare<date, std::less<double>>},
    {"DateLessThanEquals", compare<date, std::less_equal<double>>},
    {"DateGreaterThan", compare<date, std::greater<double>>},
    {"DateGreaterThanEquals", compare<date, std::greater_equal<double>>},
    {"IpAddress", in_network},
    {"NotIpAddress", in_network, true},
};
constexpr std::string_view kNull = "Null";

const Operator* find_operator(std::string_view name) {
  for (const Operator& entry : kOperators)
    if (entry.name == name) return &entry;
  return nullptr;
}

Truth truth_of(bool holds) { return holds ? Truth::yes : Truth::no; }

// The text between "${" and "}": a key, perhaps with a default in quotes.
struct Variable {
  std::string_view name;
  std::optional<std::string_view> fallback;
};
Variable read_variable(std::string_view text) {
  const std::size_t comma = text.find(',');
  Variable variable{text.substr(0, comma), std::nullopt};
  while (variable.name.ends_with(' ')) variable.name.remove_suffix(1);
  if (comma == text.npos) return variable;
  const std::size_t open = text.find('\'', comma), close = text.rfind('\'');
  if (open != text.npos && close > open)
    variable.fallback = text.substr(open + 1, close - open - 1);
  return variable;
}

// Whether one actual value passes: any wanted value will do, and with a negated operator none may.
bool passes(const Operator& test, const std::vector<std::string>& wanted, std::string_view actual) {
  const bool any = std::ranges::any_of(
      wanted, [&](const std::string& value) { return test.test(value, actual); });
  return any != test.negated;
}

}  // namespace

bool is_condition_test(std::string_view name) { return name == kNull || find_operator(name); }

Truth holds(const Condition& condition, const ConditionSource& context) {
  const KeyAnswer answer = context.find(condition.key);
  if (!answer.known) return Truth::unknown;
  const bool present = answer.values && !answer.values->empty();
  if (condition.test == kNull)
    return truth_of(std::ranges::any_of(condition.values, [&](const std::string& value) {
      return (ascii_lower(value) == "true") != present;
    }));
  const Operator* test = find_operator(condition.test);
  if (!test) return Truth::unknown;
  using Quantifier = Condition::Quantifier;
  if (!present)
    return truth_of(condition.if_exists || condition.quantifier == Quantifier::for_all_values ||
                    (test->negated && condition.quantifier == Quantifier::none));
  std::vector<std::string> wanted;
  bool uncertain = false;
  for (const std::string& value : condition.values) {
    std::string text;
    const Truth whole = substitute_variables(value, context, text);
    if (whole == Truth::yes) wanted.push_back(std::move(text));
    uncertain |= whole == Truth::unknown;
  }
  if (uncertain) return Truth::unknown;
  const auto one = [&](const std::string& actual) { return passes(*test, wanted, actual); };
  // A negated operator on several values must hold for each of them.
  const bool all = condition.quantifier == Quantifier::for_all_values ||
                   (condition.quantifier == Quantifier::none && test->negated);
  const bool every = std::ranges::all_of(*answer.values, one);
  const bool some = std::ranges::any_of(*answer.values, one);
  // Nobody can tell which of the values was meant: an Allow needs all of them, a Deny only one.
  if (answer.ambiguous && some != every) return Truth::unknown;
  return truth_of(all ? every : some);
}

Truth substitute_variables(std::string_view text, const ConditionSource& context,
                           std::string& out) {
  while (true) {
    const std::size_t start = text.find("${");
    const std::size_t end = start == text.npos ? text.npos : text.find('}', start);
    if (end == text.npos) {
      out += text;
      return Truth::yes;
    }
    out += text.substr(0, start);
    const Variable variable = read_variable(text.substr(start + 2, end - start - 2));
    text.remove_prefix(end + 1);
    if (variable.name == "*" || variable.name == "?" || variable.name == "$") {
      out += variable.name;
      continue;
    }
    const KeyAnswer answer = context.find(ascii_lower(variable.name));
    if (!answer.known || answer.ambiguous) return Truth::unknown;
    if (answer.values && answer.values->size() == 1)
      out += answer.values->front();
    else if (variable.fallback && (!answer.values || answer.values->empty()))
      out += *variable.fallback;
    else
      return Truth::no;
  }
}

}  // namespace tidemill::services::iam
