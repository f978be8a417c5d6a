#include "api/iam/simulation.h"
#include "services/iam/test_roles.h"

namespace tidemill::services::iam {
namespace {

TEST_F(IamServiceTest, pass_role) {
  EXPECT_EQ(pass("nonsense"), "ValidationException");
  auto absent = service_->check_pass_role(context_, kRole, kSageMaker, {kJob});
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, "ValidationException");
  EXPECT_EQ(absent.error().message,
            "Could not assume role arn:aws:iam::123456789012:role/r. Please ensure that the role "
            "exists and allows principal 'sagemaker.amazonaws.com' to assume the role.");
  create_role(kTrustAccount);
  EXPECT_EQ(pass(), "ValidationException");  // trusts the account, not the service
  EXPECT_EQ(code<ops::UpdateAssumeRolePolicy>({"r", kTrustSageMaker}), "ok");
  EXPECT_EQ(pass(), "ok");
  EXPECT_EQ(pass("arn:aws:iam::123456789012:role/path/r"), "ValidationException");
  context_.principal.account = "999988887777";
  EXPECT_EQ(pass(), "AccessDeniedException");
}

TEST_F(IamServiceTest, an_arn_names_a_role_by_its_path_and_case) {
  ops::CreateRole::Input input;
  input.role_name = "AdminRole";
  input.path = "/ops/";
  input.assume_role_policy_document =
      R"({"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
          "Principal":{"AWS":"123456789012","Service":"sagemaker.amazonaws.com"}}]})";
  ASSERT_EQ(code<ops::CreateRole>(input), "ok");
  const std::string own = "arn:aws:iam::123456789012:role/ops/AdminRole";
  EXPECT_EQ(pass(own.c_str()), "ok");
  EXPECT_TRUE(assume({own, "s"}));
  for (const char* other :
       {"arn:aws-cn:iam::123456789012:role/ops/AdminRole",
        "arn:xx:iam::123456789012:role/ops/AdminRole", "arn:aws:iam::123456789012:role/AdminRole",
        "arn:aws:iam::123456789012:role/ops/adminrole",
        "arn:aws:iam:us-east-1:123456789012:role/ops/AdminRole",
        "arn:aws:iam::123456789012:role/ops//AdminRole"}) {
    EXPECT_EQ(pass(other), "ValidationException") << other;
    EXPECT_FALSE(assume({other, "s"})) << other;
    EXPECT_FALSE(service_->issue_role_credentials(other, "s", std::chrono::hours(1))) << other;
    EXPECT_FALSE(service_->authorize_role(other, "s", "s3:GetObject", "*", {})) << other;
    ops::SimulatePrincipalPolicy::Input simulation;
    simulation.policy_source_arn = other;
    simulation.action_names = {"s3:GetObject"};
    EXPECT_NE(code<ops::SimulatePrincipalPolicy>(simulation), "ok") << other;
  }
}

TEST_F(IamServiceTest, pass_role_needs_permission) {
  create_role(kTrustSageMaker);
  create_role(kTrustAccount, R"([{"Effect":"Allow","Action":"sagemaker:*","Resource":"*"}])",
              "caller");
  auto credentials = service_
                         ->issue_role_credentials("arn:aws:iam::123456789012:role/caller", "s",
                                                  std::chrono::hours(1))
                         .value();
  context_ = role_context(credentials);
  EXPECT_EQ(pass(), "AccessDeniedException");
  context_ = root_context();
  put_policy(R"([{"Effect":"Allow","Action":"iam:PassRole","Resource":"*",
    "Condition":{"StringEquals":{"iam:PassedToService":"sagemaker.amazonaws.com"}}}])",
             "caller");
  context_ = role_context(credentials);
  EXPECT_EQ(pass(), "ok");
}

TEST_F(AcceptAnyTest, roles_that_do_not_exist_are_accepted) {
  EXPECT_EQ(pass(), "ok");
  EXPECT_EQ(pass("arn:aws:iam::123456789012:user/r"), "ValidationException");
  EXPECT_TRUE(service_->issue_role_credentials(kRole, "job", std::chrono::hours(1)));
  EXPECT_TRUE(assume());
  create_role(kTrustAccount);
  EXPECT_EQ(pass(), "ValidationException");  // one that exists is held to its trust policy
}

// aws:SourceArn is what the service acts for.
TEST_F(IamServiceTest, a_trust_policy_may_name_the_jobs_that_it_is_for) {
  create_role(R"({"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
      "Principal":{"Service":"sagemaker.amazonaws.com"},"Condition":{
        "StringEquals":{"aws:SourceAccount":"123456789012"},
        "ArnLike":{"aws:SourceArn":"arn:aws:sagemaker:*:123456789012:training-job/nightly-*"}}}]})");
  const std::string place = "arn:aws:sagemaker:us-east-1:123456789012:";
  EXPECT_EQ(pass(kRole, {place + "training-job/nightly-1"}), "ok");
  EXPECT_EQ(pass(kRole, {place + "training-job/j"}), "ValidationException");
  EXPECT_EQ(pass(kRole, {place + "model/nightly-1"}), "ValidationException");
  EXPECT_EQ(pass(kRole, {place + "model/m", place + "training-job/nightly-2"}), "ok");
  EXPECT_EQ(pass(kRole, {}), "ValidationException");
}

}  // namespace
}  // namespace tidemill::services::iam
