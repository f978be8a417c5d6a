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

// Of a wanted value (from the policy) and an actual one (of the request).
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
    {"ArnEquals", matches_wildcard},
    {"ArnLike", matches_wildcard},
    {"ArnNotEquals", matches_wildcard, true},
    {"ArnNotLike", matches_wildcard, true},
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

// Whether one actual value passes: any wanted value will do, and with a negated operator none may.
bool passes(const Operator& test, const std::vector<std::string>& wanted, std::string_view actual) {
  const bool any = std::ranges::any_of(
      wanted, [&](const std::string& value) { return test.test(value, actual); });
  return any != test.negated;
}

}  // namespace

bool is_condition_test(std::string_view name) { return name == kNull || find_operator(name); }

bool holds(const Condition& condition, const ConditionValues& context) {
  const auto found = context.find(condition.key);
  const bool present = found != context.end() && !found->second.empty();
  if (condition.test == kNull)
    return std::ranges::any_of(condition.values, [&](const std::string& value) {
      return (ascii_lower(value) == "true") != present;
    });
  const Operator* test = find_operator(condition.test);
  if (!test) return false;
  if (!present)
    return condition.if_exists || test->negated ||
           condition.quantifier == Condition::Quantifier::for_all_values;
  std::vector<std::string> wanted;
  for (const std::string& value : condition.values) {
    std::string text;
    if (substitute_variables(value, context, text)) wanted.push_back(std::move(text));
  }
  const auto one = [&](const std::string& actual) { return passes(*test, wanted, actual); };
  // A negated operator on several values must hold for each of them.
  const bool all = condition.quantifier == Condition::Quantifier::for_all_values ||
                   (condition.quantifier == Condition::Quantifier::none && test->negated);
  return all ? std::ranges::all_of(found->second, one) : std::ranges::any_of(found->second, one);
}

bool substitute_variables(std::string_view text, const ConditionValues& context, std::string& out) {
  while (true) {
    const std::size_t start = text.find("${");
    const std::size_t end = start == text.npos ? text.npos : text.find('}', start);
    if (end == text.npos) {
      out += text;
      return true;
    }
    out += text.substr(0, start);
    const std::string_view name = text.substr(start + 2, end - start - 2);
    text.remove_prefix(end + 1);
    if (name == "*" || name == "?" || name == "$") {
      out += name;
      continue;
    }
    const auto found = context.find(ascii_lower(name));
    if (found == context.end() || found->second.size() != 1) return false;
    out += found->second.front();
  }
}

}  // namespace tidemill::services::iam
