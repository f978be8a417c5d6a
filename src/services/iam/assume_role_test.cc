#include "services/iam/test_roles.h"

namespace tidemill::services::iam {
namespace {

TEST_F(IamServiceTest, assume_role) {
  EXPECT_EQ(assume().error().code, "AccessDenied");
  create_role(kTrustSageMaker, R"([{"Effect":"Allow","Action":"s3:*","Resource":"*"}])");
  EXPECT_EQ(assume().error().message,
            "User: arn:aws:iam::123456789012:root is not authorized to perform: sts:AssumeRole on "
            "resource: arn:aws:iam::123456789012:role/r");
  EXPECT_EQ(code<ops::UpdateAssumeRolePolicy>({"r", kTrustAccount}), "ok");
  auto credentials = assume();
  ASSERT_TRUE(credentials) << credentials.error().message;
  EXPECT_EQ(may(role_context(*credentials), "s3:PutObject", "*"), "ok");
  EXPECT_EQ(assume({kRole, "s", std::chrono::hours(2)}).error().code, "ValidationError");

  AssumeRole narrowed{kRole, "s"};
  narrowed.policies = {R"({"Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]})"};
  const Context narrow = role_context(assume(narrowed).value());
  EXPECT_EQ(may(narrow, "s3:GetObject", "*"), "ok");
  EXPECT_EQ(may(narrow, "s3:PutObject", "*"), "AccessDeniedException");
  narrowed.policies = {"{"};
  EXPECT_EQ(assume(narrowed).error().code, "MalformedPolicyDocument");
}

TEST_F(IamServiceTest, assume_role_by_a_role) {
  create_role(kTrustAccount);
  create_role(kTrustSageMaker, "", "caller");
  const auto caller = service_
                          ->issue_role_credentials("arn:aws:iam::123456789012:role/caller", "s",
                                                   std::chrono::hours(1))
                          .value();
  context_ = role_context(caller);
  EXPECT_EQ(assume().error().code, "AccessDenied");  // the account is trusted, the role may not
  context_ = root_context();
  put_policy(R"([{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}])", "caller");
  context_ = role_context(caller);
  EXPECT_TRUE(assume());
}

TEST_F(IamServiceTest, external_id) {
  create_role(R"({"Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},
    "Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"x"}}}]})");
  EXPECT_FALSE(assume());
  AssumeRole request{kRole, "s"};
  request.external_id = "x";
  EXPECT_TRUE(assume(request));
}

TEST_F(IamServiceTest, a_session_ends_with_its_role) {
  const std::string everything = R"([{"Effect":"Allow","Action":"*","Resource":"*"}])";
  create_role(kTrustAccount, everything);
  const Context old = role_context(assume().value());
  EXPECT_EQ(may(old, "s3:GetObject", "*"), "ok");
  const std::string token = service_->grant_role({"training.1", kRole, "SageMaker"}).value();
  EXPECT_EQ(code<ops::DeleteRolePolicy>({"r", "p"}), "ok");
  EXPECT_EQ(code<ops::DeleteRole>({"r"}), "ok");
  create_role(kTrustAccount, everything);
  EXPECT_EQ(may(old, "s3:GetObject", "*"), "AccessDeniedException");
  EXPECT_FALSE(service_->granted_credentials("training.1", token));
  EXPECT_EQ(may(role_context(assume().value()), "s3:GetObject", "*"), "ok");
}

TEST_F(IamServiceTest, a_deny_holds_where_the_trust_names_the_caller) {
  create_role(kTrustAccount, R"([{"Effect":"Deny","Action":"sts:*","Resource":"*"}])");
  const Context caller = role_context(assume().value());
  create_role(R"({"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
      "Principal":{"AWS":"arn:aws:iam::123456789012:role/r"}}]})",
              "", "target");
  context_.principal = caller.principal;
  EXPECT_FALSE(assume({"arn:aws:iam::123456789012:role/target", "s"}));
  context_ = root_context();
  ASSERT_EQ(code<ops::DeleteRolePolicy>({"r", "p"}), "ok");
  context_.principal = caller.principal;
  EXPECT_TRUE(assume({"arn:aws:iam::123456789012:role/target", "s"}));
}

}  // namespace
}  // namespace tidemill::services::iam
