// The texts are AWS's.
#include "services/iam/policy_language/check.h"

#include <gtest/gtest.h>

namespace tidemill::services::iam {
namespace {

std::string verdict(std::string_view text, PolicyKind kind = PolicyKind::identity) {
  auto parsed = parse_new_policy(text, kind);
  if (parsed) return "ok";
  EXPECT_EQ(parsed.error().code, "MalformedPolicyDocument");
  return parsed.error().message;
}

// One statement whose Resource, or Action, is the text.
std::string of_resource(const std::string& resource) {
  return verdict(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*",)"
                 R"("Resource":")" +
                 resource + "\"}}");
}
std::string of_action(const std::string& action) {
  return verdict(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":")" + action +
                 R"(","Resource":"*"}})");
}
std::string of_condition(const std::string& condition) {
  return verdict(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*",)"
                 R"("Resource":"*","Condition":)" +
                 condition + "}}");
}

constexpr std::string_view kSyntax = "Syntax errors in policy.";

TEST(CheckPolicy, syntax_of_an_identitys_policy) {
  for (const char* text :
       {"", "{", "[]", "{}", R"({"Version":"2020-01-01","Statement":[]})",
        R"({"Version":"2012-10-17","Statement":[]})",
        R"({"Version":"2012-10-17","Id":{},"Statement":{"Effect":"Allow","Action":"s3:*",
            "Resource":"*"}})",
        R"({"Statement":{"Action":"s3:*","Resource":"*"}})",
        R"({"Statement":{"Effect":"Maybe","Action":"s3:*","Resource":"*"}})",
        R"({"Statement":{"Effect":"Allow","Action":"s3:*","NotAction":"s3:*","Resource":"*"}})",
        R"({"Statement":{"Effect":"Allow","Action":{"a":"b"},"Resource":"*"}})",
        R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Sid":{}}})",
        R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Extra":"x"}})",
        R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":"x"}})"})
    EXPECT_EQ(verdict(text), kSyntax) << text;
  EXPECT_EQ(of_condition(R"({"StringMaybe":{"a:b":"c"}})"), kSyntax);
  EXPECT_EQ(verdict("{", PolicyKind::trust), "This policy contains invalid Json");
  EXPECT_EQ(verdict(R"({"Statement":{"Effect":"Allow","Resource":"*"}})"),
            "Policy statement must contain actions.");
  EXPECT_EQ(verdict(R"({"Statement":{"Effect":"Allow","Action":"s3:*"}})"),
            "Policy statement must contain resources.");
}

TEST(CheckPolicy, versions) {
  constexpr auto kOld = R"({"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}})";
  EXPECT_EQ(verdict(kOld), "ok");
  EXPECT_EQ(parse_new_managed_policy(kOld).error().message,
            "Policy document must be version 2012-10-17 or greater.");
  EXPECT_FALSE(parse_new_managed_policy(R"({"Version":"2008-10-17","Statement":{"Effect":"Allow",
      "Action":"s3:*","Resource":"*"}})"));
  EXPECT_TRUE(parse_new_managed_policy(R"({"Version":"2012-10-17","Statement":{"Effect":"Allow",
      "Action":"s3:*","Resource":"*"}})"));
}

TEST(CheckPolicy, actions) {
  for (const char* good : {"*", "s3:*", "s3:Get*", "execute-api:Invoke", "S3:GETOBJECT"})
    EXPECT_EQ(of_action(good), "ok") << good;
  EXPECT_EQ(of_action("s3"),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
  EXPECT_EQ(of_action("s3:Get:Object"), "Actions/Condition can contain only one colon.");
  EXPECT_EQ(of_action("s_3:GetObject"), "Vendor s_3 is not valid");
  EXPECT_EQ(of_action("s3*:GetObject"), "Vendor s3* is not valid");
}

TEST(CheckPolicy, resources) {
  for (const char* good :
       {"*", "arn:aws:s3:::b/*", "arn:aws:s3:::${aws:username}", "arn:aws:iam::123456789012:role/r",
        "arn:aws:iam::*:*", "arn:aws:s3:us-east-1:123456789012:accesspoint/a", "arn:*:s3:::b",
        "arn:aws:sqs:us-east-1:123456789012:q", "arn:aws:iam::123456789012:${aws:username}"})
    EXPECT_EQ(of_resource(good), "ok") << good;
  EXPECT_EQ(of_resource("bucket"), "Resource bucket must be in ARN format or \"*\".");
  EXPECT_EQ(of_resource("arn:moon:s3:::b"),
            "Partition \"moon\" is not valid for resource \"arn:moon:s3:::b\".");
  EXPECT_EQ(of_resource("arn:aws:s3:us-east-1::b"),
            "Resource arn:aws:s3:us-east-1::b can not contain region information.");
  EXPECT_EQ(of_resource("arn:aws:iam:us-east-1:123456789012:role/r"),
            "IAM resource arn:aws:iam:us-east-1:123456789012:role/r cannot contain region "
            "information.");
  EXPECT_EQ(of_resource("arn:aws:iam::123456789012:rolle/r"),
            "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, "
            "group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, "
            "saml-provider/, oidc-provider/, report/, access-report/.");
  EXPECT_EQ(of_resource("arn:aws"),
            "Resource vendor must be fully qualified and cannot contain regexes.");
  EXPECT_EQ(of_resource("arn:aws:s3"), "The policy failed legacy parsing");
}

TEST(CheckPolicy, statement_ids) {
  const auto with = [](const char* first, const char* second, PolicyKind kind) {
    const std::string rest = kind == PolicyKind::identity
                                 ? R"(","Effect":"Allow","Action":"s3:*","Resource":"*"})"
                                 : R"(","Effect":"Allow","Action":"sts:*","Principal":"*"})";
    return verdict(R"({"Version":"2012-10-17","Statement":[{"Sid":")" + std::string(first) + rest +
                       R"(,{"Sid":")" + second + rest + "]}",
                   kind);
  };
  EXPECT_EQ(with("", "", PolicyKind::identity), "ok");
  EXPECT_EQ(with("a", "b", PolicyKind::identity), "ok");
  EXPECT_EQ(with("a", "a", PolicyKind::identity),
            "Statement IDs (SID) in a single policy must be unique.");
  EXPECT_EQ(with("a b", "c", PolicyKind::identity),
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the "
            "regular expression [0-9A-Za-z]*");
  EXPECT_EQ(with("a b", "c", PolicyKind::trust), "ok");
}

TEST(CheckPolicy, dates) {
  for (const char* good :
       {"2026-11-30T00:00:00Z", "2026-11-30", "1764460800", "${aws:CurrentTime}"})
    EXPECT_EQ(of_condition(R"({"DateLessThan":{"aws:CurrentTime":")" + std::string(good) + "\"}}"),
              "ok")
        << good;
  EXPECT_EQ(of_condition(R"({"DateLessThan":{"aws:CurrentTime":"tomorrow"}})"),
            "The policy failed legacy parsing");
}

}  // namespace
}  // namespace tidemill::services::iam
