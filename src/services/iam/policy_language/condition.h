// The Condition element:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "services/iam/policy_language/document.h"

namespace tidemill::services::iam {

// Keys in lower case.
using ConditionValues = std::map<std::string, std::vector<std::string>>;

// The value of one condition key in a request.
struct KeyAnswer {
  bool known = true;  // false: this server cannot tell, whatever the request says
  // nullptr or empty: the request has no such key.
  const std::vector<std::string>* values = nullptr;
  // The request names the key several times, in names that differ in case, and each has a value of
  // its own.
  bool ambiguous = false;
};

// The source of the values of condition keys. The answers live as long as the source.
class ConditionSource {
 public:
  virtual ~ConditionSource() = default;
  virtual KeyAnswer find(const std::string& lower_key) const = 0;
};

// Takes the values from a map; every other key is absent. Borrows the map.
class GivenConditions final : public ConditionSource {
 public:
  explicit GivenConditions(const ConditionValues& values) : values_(values) {}
  KeyAnswer find(const std::string& lower_key) const override {
    const auto found = values_.find(lower_key);
    return {true, found == values_.end() ? nullptr : &found->second};
  }

 private:
  const ConditionValues& values_;
};

// unknown: a Deny takes it for yes, an Allow for no.
enum class Truth { no, yes, unknown };
inline Truth negate(Truth truth) {
  return truth == Truth::unknown ? truth : truth == Truth::yes ? Truth::no : Truth::yes;
}

// "StringLike", "DateLessThan", ...: the operators that are evaluated here.
bool is_condition_test(std::string_view name);
Truth holds(const Condition& condition, const ConditionSource& context);

// ${aws:username} and the like, from the context, with a default as in ${aws:username, 'nobody'}.
// no: a variable has no value, and then nothing matches; unknown: it cannot be told. ${*}, ${?} and
// ${$} are the characters themselves.
Truth substitute_variables(std::string_view text, const ConditionSource& context, std::string& out);

}  // namespace tidemill::services::iam
