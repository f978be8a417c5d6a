#include <gtest/gtest.h>

#include "services/iam/managed_policies.h"
#include "services/iam/policy_language/evaluate.h"
#include "services/iam/policy_language/wildcard.h"

namespace tidemill::services::iam {
namespace {

std::string problem(std::string_view text, PolicyKind kind = PolicyKind::identity) {
  auto parsed = parse_policy(text, kind);
  if (parsed) return "ok";
  EXPECT_EQ(parsed.error().code, "MalformedPolicyDocument");
  return parsed.error().message;
}

TEST(PolicyDocument, reads_both_kinds) {
  EXPECT_EQ(problem(R"({"Version":"2012-10-17","Id":"x","Statement":{"Sid":"a","Effect":"Allow",
    "Action":["s3:*","iam:PassRole"],"Resource":"*","Condition":{"Bool":{"a:b":true},
    "ForAnyValue:StringLikeIfExists":{"a:c":["x","y"]}}}})"),
            "ok");
  EXPECT_EQ(
      problem(R"({"Statement":[{"Effect":"Deny","Action":"sts:AssumeRole","Principal":"*"}]})",
              PolicyKind::trust),
      "ok");
}

TEST(PolicyDocument, says_what_is_wrong) {
  EXPECT_EQ(problem("{"), "This policy contains invalid Json");
  EXPECT_EQ(problem("[]"), "Syntax errors in policy.");
  EXPECT_EQ(problem("{}"), "Syntax errors in policy.");
  EXPECT_EQ(problem(R"({"Version":"2020","Statement":[]})"),
            "The policy must contain a valid version string");
  EXPECT_EQ(problem(R"({"Statement":[{"Effect":"Allow","Resource":"*"}]})"),
            "Missing required field Action");
  EXPECT_EQ(problem(R"({"Statement":[{"Action":"s3:*","Resource":"*"}]})"),
            "Missing required field Effect");
  EXPECT_EQ(problem(R"({"Statement":[{"Effect":"Allow","Action":"s3:*"}]})"),
            "Policy statement must contain resources.");
  EXPECT_EQ(problem(R"({"Statement":[{"Effect":"Allow","Action":"s3","Resource":"*"}]})"),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
  EXPECT_EQ(problem(R"({"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"b"}]})"),
            "Resource b must be in ARN format or \"*\".");
  EXPECT_EQ(problem(R"({"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*",
    "Principal":"*"}]})"),
            "Policy document should not specify a principal.");
  EXPECT_EQ(problem(R"({"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*",
    "Condition":{"StringMaybe":{"a":"b"}}}]})"),
            "Invalid Condition type : StringMaybe.");
  EXPECT_EQ(
      problem(R"({"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]})", PolicyKind::trust),
      "Missing required field Principal");
  EXPECT_EQ(problem(R"({"Statement":[{"Effect":"Allow","Action":"s3:*","Principal":"*"}]})",
                    PolicyKind::trust),
            "AssumeRole policy may only specify STS AssumeRole actions.");
  EXPECT_EQ(
      problem(R"({"Statement":[{"Effect":"Allow","Action":"sts:*","Principal":{"AWS":"x"}}]})",
              PolicyKind::trust),
      "Invalid principal in policy: \"AWS\":\"x\"");
  for (const char* principal :
       {"arn:aws-cn:iam::123456789012:root", "arn:aws:iam::1234:root", "arn:aws:s3:::b"})
    EXPECT_TRUE(problem(R"({"Statement":[{"Effect":"Allow","Action":"sts:*","Principal":{"AWS":")" +
                            std::string(principal) + R"("}}]})",
                        PolicyKind::trust)
                    .starts_with("Invalid principal in policy"))
        << principal;
}

TEST(PolicyDocument, a_name_stands_once_in_an_object) {
  const auto reads = [](const std::string& text) {
    return parse_policy(text, PolicyKind::identity).has_value();
  };
  const std::string rest = R"("Action":"s3:*","Resource":"*")";
  EXPECT_TRUE(reads(R"({"Statement":[{"Effect":"Allow",)" + rest + R"(},{"Effect":"Deny",)" + rest +
                    "}]}"));
  EXPECT_FALSE(reads(R"({"Statement":{"Effect":"Deny","Effect":"Allow",)" + rest + "}}"));
  EXPECT_FALSE(reads(R"({"Statement":{"Effect":"Deny","\u0045ffect":"Allow",)" + rest + "}}"));
  EXPECT_FALSE(reads(R"({"Statement":[],"Statement":{"Effect":"Allow",)" + rest + "}}"));
  EXPECT_FALSE(reads(R"({"Statement":{"Effect":"Allow",)" + rest +
                     R"(,"Condition":{"Bool":{"a:b":["x","y"]},"Bool":{}}}})"));
}

TEST(PolicyDocument, every_shipped_policy_parses) {
  for (const ManagedPolicy& policy : managed_policies()) {
    EXPECT_EQ(problem(managed_policy_document(policy)), "ok") << policy.name;
    EXPECT_EQ(find_managed_policy(managed_policy_arn(policy)), &policy);
  }
  EXPECT_GT(managed_policies().size(), 1000U);
  EXPECT_EQ(find_managed_policy("arn:aws:iam::aws:policy/"), nullptr);
  EXPECT_EQ(find_managed_policy("arn:aws:iam::aws:policy/AmazonS3FullAccessX"), nullptr);
  EXPECT_EQ(find_managed_policy("arn:aws:iam::aws:policy/service-role/AmazonS3FullAccess"),
            nullptr);
  for (const char* name :
       {"AmazonSageMakerFullAccess", "AmazonS3FullAccess", "AWSLambda_FullAccess",
        "AmazonECS_FullAccess", "CloudWatchFullAccess", "AWSCodePipeline_FullAccess",
        "AWSCodeBuildAdminAccess", "service-role/AWSLambdaBasicExecutionRole",
        "service-role/AmazonECSTaskExecutionRolePolicy", "AdministratorAccess"})
    EXPECT_NE(find_managed_policy("arn:aws:iam::aws:policy/" + std::string(name)), nullptr) << name;
  EXPECT_EQ(find_managed_policy("arn:aws:iam::aws:policy/Nope"), nullptr);
}

TEST(Wildcard, matches) {
  EXPECT_TRUE(matches_wildcard("*", ""));
  EXPECT_TRUE(matches_wildcard("a*b*c", "a__b__b_c"));
  EXPECT_TRUE(matches_wildcard("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y"));
  EXPECT_FALSE(matches_wildcard("arn:aws:s3:::b/*", "arn:aws:s3:::b"));
  EXPECT_TRUE(matches_wildcard("a?c", "abc"));
  EXPECT_FALSE(matches_wildcard("a?c", "ac"));
  EXPECT_FALSE(matches_wildcard("A", "a"));
  EXPECT_TRUE(matches_wildcard_ignoring_case("S3:get*", "s3:GetObject"));
  // Would take forever with plain backtracking.
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a*";
  EXPECT_FALSE(matches_wildcard(pattern + "b", std::string(2000, 'a')));
}

Decision decide(std::string_view statements, std::string_view action, std::string_view resource,
                const ConditionValues& values = {}) {
  const GivenConditions context(values);
  std::vector<NamedPolicy> policies;
  policies.push_back(
      {"p", "IAM Policy",
       parse_policy("{\"Statement\":" + std::string(statements) + "}", PolicyKind::identity)
           .value()});
  return evaluate(policies, {action, resource, context}).decision;
}

TEST(Evaluate, allow_deny_and_not) {
  constexpr auto kAllow =
      R"([{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/*"}])";
  EXPECT_EQ(decide(kAllow, "s3:GetObject", "arn:aws:s3:::b/k"), Decision::allowed);
  EXPECT_EQ(decide(kAllow, "S3:getobject", "arn:aws:s3:::b/k"), Decision::allowed);
  EXPECT_EQ(decide(kAllow, "s3:PutObject", "arn:aws:s3:::b/k"), Decision::implicit_deny);
  EXPECT_EQ(decide(kAllow, "s3:GetObject", "arn:aws:s3:::c/k"), Decision::implicit_deny);
  constexpr auto kBoth = R"([{"Effect":"Allow","Action":"*","Resource":"*"},
    {"Effect":"Deny","NotAction":"s3:*","Resource":"*"},
    {"Effect":"Deny","Action":"s3:*","NotResource":"arn:aws:s3:::b/*"}])";
  EXPECT_EQ(decide(kBoth, "s3:PutObject", "arn:aws:s3:::b/k"), Decision::allowed);
  EXPECT_EQ(decide(kBoth, "iam:GetRole", "*"), Decision::explicit_deny);
  EXPECT_EQ(decide(kBoth, "s3:PutObject", "arn:aws:s3:::c/k"), Decision::explicit_deny);
}

std::string with_condition(const std::string& condition) {
  return R"([{"Effect":"Allow","Action":"*","Resource":"*","Condition":)" + condition + "}]";
}
bool allowed(const std::string& condition, const ConditionValues& context) {
  return decide(with_condition(condition), "a:b", "*", context) == Decision::allowed;
}

TEST(Evaluate, conditions) {
  const ConditionValues context{{"k", {"v"}},
                                {"n", {"5"}},
                                {"ip", {"10.1.2.3"}},
                                {"t", {"2026-11-23T00:00:00Z"}},
                                {"many", {"a", "b"}}};
  EXPECT_TRUE(allowed(R"({"StringEquals":{"K":["u","v"]}})", context));
  EXPECT_FALSE(allowed(R"({"StringEquals":{"K":"V"}})", context));
  EXPECT_TRUE(allowed(R"({"StringEqualsIgnoreCase":{"K":"V"}})", context));
  EXPECT_FALSE(allowed(R"({"StringNotEquals":{"K":["u","v"]}})", context));
  EXPECT_TRUE(allowed(R"({"StringNotEquals":{"absent":"v"}})", context));
  EXPECT_FALSE(allowed(R"({"StringEquals":{"absent":"v"}})", context));
  EXPECT_TRUE(allowed(R"({"StringEqualsIfExists":{"absent":"v"}})", context));
  EXPECT_TRUE(allowed(R"({"Null":{"absent":"true","k":"false"}})", context));
  EXPECT_FALSE(allowed(R"({"Null":{"k":true}})", context));
  EXPECT_TRUE(
      allowed(R"({"NumericLessThan":{"n":6},"NumericGreaterThanEquals":{"n":"5"}})", context));
  EXPECT_FALSE(allowed(R"({"NumericEquals":{"n":"x"}})", context));
  EXPECT_TRUE(allowed(R"({"IpAddress":{"ip":["10.0.0.0/8"]}})", context));
  EXPECT_FALSE(allowed(R"({"NotIpAddress":{"ip":"10.0.0.0/8"}})", context));
  EXPECT_FALSE(allowed(R"({"IpAddress":{"ip":"10.1.2.0/33"}})", context));
  EXPECT_TRUE(allowed(R"({"DateGreaterThan":{"t":"2026-01-01T00:00:00Z"}})", context));
  EXPECT_TRUE(allowed(R"({"ForAnyValue:StringEquals":{"many":["b","c"]}})", context));
  EXPECT_FALSE(allowed(R"({"ForAllValues:StringEquals":{"many":["b","c"]}})", context));
  EXPECT_TRUE(allowed(R"({"ForAllValues:StringEquals":{"absent":["b","c"]}})", context));
  EXPECT_TRUE(allowed(R"({"ArnLike":{"k":"?"}})", context));
}

TEST(Evaluate, multivalued_and_absent_keys) {
  const ConditionValues none;
  EXPECT_FALSE(allowed(R"({"ForAnyValue:StringEquals":{"absent":"a"}})", none));
  EXPECT_FALSE(allowed(R"({"ForAnyValue:StringNotEquals":{"absent":"a"}})", none));
  EXPECT_TRUE(allowed(R"({"ForAllValues:StringNotEquals":{"absent":"a"}})", none));
  const ConditionValues many{{"many", {"a", "b"}}};
  EXPECT_TRUE(allowed(R"({"ForAnyValue:StringNotEquals":{"many":"a"}})", many));
  EXPECT_FALSE(allowed(R"({"ForAllValues:StringNotEquals":{"many":"a"}})", many));
  EXPECT_FALSE(allowed(R"({"StringNotEquals":{"many":"a"}})", many));
  EXPECT_TRUE(allowed(R"({"IpAddress":{"ip":"10.0.0.0/8"}})", {{"ip", {"::ffff:10.1.2.3"}}}));
  EXPECT_EQ(problem(R"({"Statement":{"Effect":"Deny","Action":"*","Resource":"*",
    "Condition":{"ForSome:StringEquals":{"a:b":"c"}}}})"),
            "Invalid Condition type : ForSome:StringEquals.");
}

// A request names one key twice, in two cases.
TEST(Evaluate, an_ambiguous_key_must_match_with_all_its_values_to_allow) {
  struct Ambiguous final : ConditionSource {
    std::vector<std::string> values{"decoy", "secret"};
    KeyAnswer find(const std::string&) const override { return {true, &values, true}; }
  } const context;
  const auto truth = [&](const char* test, std::vector<std::string> wanted) {
    Condition condition;
    condition.test = test;
    condition.key = "aws:requesttag/class";
    condition.values = std::move(wanted);
    return holds(condition, context);
  };
  EXPECT_EQ(truth("StringEquals", {"secret"}), Truth::unknown);
  EXPECT_EQ(truth("StringNotEquals", {"decoy"}), Truth::unknown);
  EXPECT_EQ(truth("StringEquals", {"secret", "decoy"}), Truth::yes);
  EXPECT_EQ(truth("StringEquals", {"other"}), Truth::no);
  EXPECT_EQ(truth("StringNotEquals", {"other"}), Truth::yes);
  EXPECT_EQ(truth("StringEquals", {"${aws:RequestTag/class}"}), Truth::unknown);
}

TEST(Evaluate, arns_match_part_by_part) {
  const ConditionValues role{{"arn", {"arn:aws:iam::123456789012:role/a/b"}}};
  EXPECT_TRUE(allowed(R"({"ArnLike":{"arn":"arn:aws:iam::*:role/*"}})", role));
  EXPECT_TRUE(allowed(R"({"ArnEquals":{"arn":"*"}})", role));
  EXPECT_FALSE(allowed(R"({"ArnLike":{"arn":"arn:aws:*::123456789012:x:role/a/b"}})", role));
  EXPECT_FALSE(allowed(R"({"ArnLike":{"arn":"arn:aws:iam::*:user/*"}})", role));
  EXPECT_FALSE(allowed(R"({"ArnLike":{"arn":"arn:*:iam::1*2:x*:role/a/b"}})", role));
  EXPECT_TRUE(allowed(R"({"ArnNotLike":{"arn":"arn:aws:iam::*:user/*"}})", role));
}

// Keys that cannot be told.
class NoAnswer final : public ConditionSource {
 public:
  KeyAnswer find(const std::string& key) const override { return {key == "known", &values_}; }

 private:
  std::vector<std::string> values_{"v"};
};

TEST(Evaluate, a_key_that_cannot_be_told) {
  const NoAnswer context;
  auto decision = [&](const std::string& statements) {
    const std::vector<NamedPolicy> policies = {
        {"p", "IAM Policy",
         parse_policy("{\"Statement\":" + statements + "}", PolicyKind::identity).value()}};
    const Question question{"a:b", "arn:aws:s3:::v", context};
    EXPECT_EQ(evaluate(policies, question).decision, decide(policies, question));
    return decide(policies, question);
  };
  const std::string allow = R"({"Effect":"Allow","Action":"*","Resource":"*"})";
  for (const char* condition :
       {R"({"StringEquals":{"x":"v"}})", R"({"StringNotEquals":{"x":"v"}})",
        R"({"StringEqualsIfExists":{"x":"v"}})", R"({"Null":{"x":"true"}})",
        R"({"ForAllValues:StringEquals":{"x":"v"}})", R"({"StringEquals":{"known":"${x}"}})"}) {
    const std::string rest =
        R"(,"Action":"*","Resource":"*","Condition":)" + std::string(condition);
    EXPECT_EQ(decision("[" + allow + R"(,{"Effect":"Deny")" + rest + "}]"), Decision::explicit_deny)
        << condition;
    EXPECT_EQ(decision(R"([{"Effect":"Allow")" + rest + "}]"), Decision::implicit_deny)
        << condition;
  }
  // Another condition that does not hold settles it.
  EXPECT_EQ(decision("[" + allow + R"(,{"Effect":"Deny","Action":"*","Resource":"*","Condition":
    {"StringEquals":{"x":"v","known":"w"}}}])"),
            Decision::allowed);
  // In a resource: whatever the variable stands for.
  for (const char* element : {"Resource", "NotResource"}) {
    const std::string resource =
        R"("Action":"*",")" + std::string(element) + R"(":"arn:aws:s3:::${x}"})";
    EXPECT_EQ(decision("[" + allow + R"(,{"Effect":"Deny",)" + resource + "]"),
              Decision::explicit_deny);
    EXPECT_EQ(decision(R"([{"Effect":"Allow",)" + resource + "]"), Decision::implicit_deny);
  }
}

TEST(Evaluate, resource_policies_and_callers_policies_together) {
  using enum Decision;
  const ConditionValues none;
  const GivenConditions context(none);
  const Question question{"s3:GetObject", "arn:aws:s3:::b/k", context};
  auto policy = [](const char* effect) {
    return std::vector<NamedPolicy>{
        {"p", "IAM Policy",
         parse_policy(R"({"Statement":{"Effect":")" + std::string(effect) +
                          R"(","Action":"s3:*","Resource":"*"}})",
                      PolicyKind::identity)
             .value()}};
  };
  const auto allow = policy("Allow"), deny = policy("Deny");
  const std::vector<NamedPolicy> empty;
  auto decided = [&](const CallerPolicies& caller, Grant grant, bool same_account = true,
                     bool must_grant = false) {
    return decide(caller, ResourceSide{grant, same_account, must_grant}, question);
  };
  EXPECT_EQ(decided({allow}, Grant::none), allowed);
  EXPECT_EQ(decided({allow}, Grant::none, true, true), implicit_deny);
  EXPECT_EQ(decided({allow}, Grant::denied), explicit_deny);
  EXPECT_EQ(decided({.identity = {}, .root = true}, Grant::denied), explicit_deny);
  EXPECT_EQ(decided({empty}, Grant::direct), allowed);
  EXPECT_EQ(decided({deny}, Grant::direct), explicit_deny);
  EXPECT_EQ(decided({empty}, Grant::account), implicit_deny);
  EXPECT_EQ(decided({allow}, Grant::account, true, true), allowed);
  // Across accounts both sides must allow.
  EXPECT_EQ(decided({empty}, Grant::direct, false), implicit_deny);
  EXPECT_EQ(decided({allow}, Grant::none, false), implicit_deny);
  EXPECT_EQ(decided({allow}, Grant::account, false), allowed);
  // A boundary and a session's policies bound what names the role, not what names the session.
  CallerPolicies bounded{empty};
  bounded.boundary = empty;
  EXPECT_EQ(decided(bounded, Grant::role), implicit_deny);
  EXPECT_EQ(decided(bounded, Grant::direct), allowed);
  bounded.boundary = allow;
  bounded.session = deny;
  EXPECT_EQ(decided(bounded, Grant::direct), explicit_deny);

  const PolicyDocument document =
      parse_policy(R"({"Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},
        "Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]})",
                   PolicyKind::resource)
          .value();
  const PrincipalCandidate caller{.account = "111122223333",
                                  .arn = "arn:aws:iam::111122223333:root"};
  EXPECT_EQ(evaluate_resource_policy(document, caller, question), Grant::account);
  EXPECT_EQ(
      evaluate_resource_policy(document, caller, {"s3:GetObject", "arn:aws:s3:::c/k", context}),
      Grant::none);
}

TEST(Evaluate, variables_with_defaults) {
  constexpr auto kTeam = R"([{"Effect":"Allow","Action":"*",
    "Resource":"arn:aws:s3:::b/${aws:PrincipalTag/team, 'none'}/*"}])";
  EXPECT_EQ(decide(kTeam, "s3:GetObject", "arn:aws:s3:::b/none/k"), Decision::allowed);
  EXPECT_EQ(
      decide(kTeam, "s3:GetObject", "arn:aws:s3:::b/red/k", {{"aws:principaltag/team", {"red"}}}),
      Decision::allowed);
  EXPECT_EQ(
      decide(kTeam, "s3:GetObject", "arn:aws:s3:::b/none/k", {{"aws:principaltag/team", {"red"}}}),
      Decision::implicit_deny);
}

TEST(Evaluate, variables) {
  constexpr auto kHome =
      R"([{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}/*"}])";
  EXPECT_EQ(decide(kHome, "s3:GetObject", "arn:aws:s3:::b/u/k", {{"aws:username", {"u"}}}),
            Decision::allowed);
  EXPECT_EQ(decide(kHome, "s3:GetObject", "arn:aws:s3:::b/w/k", {{"aws:username", {"u"}}}),
            Decision::implicit_deny);
  EXPECT_EQ(decide(kHome, "s3:GetObject", "arn:aws:s3:::b//k"), Decision::implicit_deny);
}

TEST(Evaluate, trust) {
  auto trust = [](const std::string& principal, const PrincipalCandidate& candidate,
                  const char* effect = "Allow") {
    const ConditionValues none;
    const GivenConditions context(none);
    return evaluate_resource_policy(
        parse_policy(std::string(R"({"Statement":[{"Effect":")") + effect +
                         R"(","Action":"sts:AssumeRole","Principal":)" + principal + "}]}",
                     PolicyKind::trust)
            .value(),
        candidate, {"sts:AssumeRole", "arn:aws:iam::111122223333:role/r", context});
  };
  const PrincipalCandidate service{.service = "sagemaker.amazonaws.com"};
  EXPECT_EQ(trust(R"({"Service":["a.b","sagemaker.amazonaws.com"]})", service), Grant::direct);
  EXPECT_EQ(trust(R"({"Service":"lambda.amazonaws.com"})", service), Grant::none);
  EXPECT_EQ(trust(R"({"AWS":"*"})", service), Grant::none);
  EXPECT_EQ(trust(R"({"Service":"sagemaker.amazonaws.com"})", service, "Deny"), Grant::denied);
  const PrincipalCandidate caller{.account = "111122223333",
                                  .arn = "arn:aws:sts::111122223333:assumed-role/r/s",
                                  .role_arn = "arn:aws:iam::111122223333:role/r"};
  EXPECT_EQ(trust(R"({"AWS":"111122223333"})", caller), Grant::account);
  EXPECT_EQ(trust(R"({"AWS":"arn:aws:iam::111122223333:root"})", caller), Grant::account);
  EXPECT_EQ(trust(R"({"AWS":"arn:aws:iam::111122223333:role/r"})", caller), Grant::role);
  EXPECT_EQ(trust(R"({"AWS":"999900001111"})", caller), Grant::none);
  EXPECT_EQ(trust(R"("*")", caller), Grant::direct);
}

}  // namespace
}  // namespace tidemill::services::iam
