#include "services/iam/policy_language/explain.h"

#include <gtest/gtest.h>

namespace tidemill::services::iam {
namespace {

std::vector<NamedPolicy> policies(const std::string& statements, const std::string& arn = {}) {
  std::vector<NamedPolicy> out;
  out.push_back({"role_r_inline", "IAM Policy",
                 parse_policy("{\"Statement\":" + statements + "}", PolicyKind::identity).value(),
                 arn});
  return out;
}

constexpr auto kAll = R"([{"Effect":"Allow","Action":"*","Resource":"*"}])";
constexpr auto kNoDeletes = R"([{"Effect":"Allow","Action":"*","Resource":"*"},
    {"Sid":"NoDeletes","Effect":"Deny","Action":"s3:Delete*","Resource":"*"}])";
constexpr auto kOnlySqs = R"([{"Effect":"Allow","Action":"sqs:*","Resource":"*"}])";

const ConditionValues kNothing;
const GivenConditions kContext(kNothing);
const Question kDelete{"s3:DeleteObject", "arn:aws:s3:::b/k", kContext};

std::string why(const CallerPolicies& caller, const std::optional<ResourceSide>& side = {},
                const std::optional<ResourceDocument>& resource = {}) {
  // The reason is only ever asked for of what is refused.
  EXPECT_NE(decide(caller, side, kDelete), Decision::allowed);
  return explain_refusal(caller, side, resource, kDelete);
}

TEST(Explain, an_explicit_deny_names_policy_and_statement) {
  const auto denying = policies(kNoDeletes, "arn:aws:iam::123456789012:policy/safe");
  const auto inlined = policies(kNoDeletes);
  const auto all = policies(kAll);
  const std::string statement = "statement 2 (NoDeletes)";
  EXPECT_EQ(why({denying}),
            " with an explicit deny in an identity-based policy: "
            "arn:aws:iam::123456789012:policy/safe, " +
                statement);
  EXPECT_EQ(why({inlined}),
            " with an explicit deny in an identity-based policy: role_r_inline, " + statement);
  EXPECT_EQ(why({all, denying}),
            " with an explicit deny in a permissions boundary: "
            "arn:aws:iam::123456789012:policy/safe, " +
                statement);
  EXPECT_EQ(why({all, std::nullopt, inlined}),
            " with an explicit deny in a session policy: role_r_inline, " + statement);
}

TEST(Explain, what_no_statement_allows) {
  const auto all = policies(kAll), little = policies(kOnlySqs);
  const std::string action = " allows the s3:DeleteObject action";
  EXPECT_EQ(why({little}), " because no identity-based policy" + action);
  EXPECT_EQ(why({{}}), " because no identity-based policy" + action);
  EXPECT_EQ(why({all, little}), " because no permissions boundary" + action);
  EXPECT_EQ(why({all, std::nullopt, little}), " because no session policy" + action);
  EXPECT_EQ(why({all}, ResourceSide{.grant = Grant::none, .same_account = false}),
            " because no resource-based policy" + action);
  EXPECT_EQ(why({little}, ResourceSide{.grant = Grant::account, .same_account = false}),
            " because no identity-based policy" + action);
}

TEST(Explain, a_resources_own_policy) {
  const auto all = policies(kAll);
  const PolicyDocument document = parse_policy(R"({"Statement":[
          {"Effect":"Deny","Principal":{"AWS":"210987654321"},"Action":"s3:*","Resource":"*"},
          {"Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"*"}]})",
                                               PolicyKind::resource)
                                      .value();
  const PrincipalCandidate caller{.account = "123456789012",
                                  .arn = "arn:aws:iam::123456789012:root"};
  const ResourceSide side{.grant = evaluate_resource_policy(document, caller, kDelete)};
  EXPECT_EQ(why({.identity = {}, .root = true}, side, ResourceDocument{document, caller}),
            " with an explicit deny in a resource-based policy: statement 2");
  EXPECT_EQ(why({all}, ResourceSide{.grant = Grant::denied}),
            " with an explicit deny in a resource-based policy");
}

}  // namespace
}  // namespace tidemill::services::iam
