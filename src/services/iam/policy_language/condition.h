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

// "StringLike", "DateLessThan", ...: the operators that are evaluated here.
bool is_condition_test(std::string_view name);
bool holds(const Condition& condition, const ConditionValues& context);

// ${aws:username} and the like, from the context; false when a variable has no value, and then
// nothing matches. ${*}, ${?} and ${$} are the characters themselves.
bool substitute_variables(std::string_view text, const ConditionValues& context, std::string& out);

}  // namespace tidemill::services::iam
