// The documented rules of policies, case by case, from evaluator_cases.json:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/json.h"
#include "services/iam/policy_language/evaluate.h"
#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {
namespace {

std::string text_of(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  return value && value->as_string() ? *value->as_string() : std::string();
}

PolicyDocument document_of(const Value& statements, PolicyKind kind) {
  return parse_policy("{\"Statement\":" + write_json(statements) + "}", kind).value();
}

// A case's policies of one kind; nullopt: the caller has none of the kind.
std::optional<std::vector<NamedPolicy>> policies_of(const Value& test, std::string_view kind) {
  const Value* statements = test.find(kind);
  if (!statements) return std::nullopt;
  std::vector<NamedPolicy> out;
  if (!statements->as_list()->empty())
    out.push_back(
        {std::string(kind), "IAM Policy", document_of(*statements, PolicyKind::identity)});
  return out;
}

ConditionValues context_of(const Value& test) {
  ConditionValues out;
  for (const auto& [key, values] : *test.find("context")->as_object())
    for (const Value& value : *values.as_list())
      out[ascii_lower(key)].push_back(*value.as_string());
  return out;
}

std::string decision_of(const Value& test) {
  const ConditionValues values = context_of(test);
  const GivenConditions context(values);
  const std::string action = text_of(test, "action"), resource = text_of(test, "resource");
  const Question question{action, resource, context};
  const auto identity = policies_of(test, "identity"), boundary = policies_of(test, "boundary"),
             session = policies_of(test, "session");
  CallerPolicies caller{.identity = *identity};
  if (boundary) caller.boundary = *boundary;
  if (session) caller.session = *session;
  caller.root = test.find("root") != nullptr;
  std::optional<ResourceSide> side;
  const std::string arn = text_of(test, "caller"), role = text_of(test, "role");
  constexpr std::string_view kAccount = "111122223333";
  if (const Value* statements = test.find("resource_policy")) {
    const PolicyDocument document = document_of(*statements, PolicyKind::resource);
    side =
        ResourceSide{.grant = evaluate_resource_policy(
                         document, {.account = kAccount, .arn = arn, .role_arn = role}, question),
                     .same_account = text_of(test, "owner") == kAccount};
  }
  switch (decide(caller, side, question)) {
    case Decision::allowed:
      return "allowed";
    case Decision::explicit_deny:
      return "explicitDeny";
    default:
      return "implicitDeny";
  }
}

TEST(EvaluatorCases, every_documented_rule) {
  std::ifstream file(TIDEMILL_EVALUATOR_CASES);
  std::stringstream text;
  text << file.rdbuf();
  const Value cases = parse_json(text.str()).value();
  EXPECT_GE(cases.as_list()->size(), 300U);
  for (const Value& test : *cases.as_list())
    EXPECT_EQ(decision_of(test), text_of(test, "expect")) << text_of(test, "name");
}

}  // namespace
}  // namespace tidemill::services::iam
