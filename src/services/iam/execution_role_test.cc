// The execution role, and the credentials of a person's shell.
#include "services/iam/execution_role.h"

#include "api/iam/role.h"
#include "services/iam/credentials/shell_credentials.h"
#include "services/iam/policy_language/document.h"
#include "services/iam/test_support.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;

const std::string kRole = std::string(kExecutionRoleName);
const std::string kArn = "arn:aws:iam::123456789012:role/service-role/" + kRole;

class ExecutionRoleTest : public IamTest {
 protected:
  void make() { ASSERT_TRUE(service_->make_execution_role()); }
  bool there_is(const std::string& name) {
    ops::GetRole::Input request;
    request.role_name = name;
    return call<ops::GetRole>(request).has_value();
  }
  void remove() {
    ops::DeleteRolePolicy::Input policy;
    policy.role_name = kRole;
    policy.policy_name = "SageMakerExecution";
    ASSERT_EQ(code<ops::DeleteRolePolicy>(policy), "ok");
    ops::DeleteRole::Input role;
    role.role_name = kRole;
    ASSERT_EQ(code<ops::DeleteRole>(role), "ok");
  }
  bool may(std::string_view action, std::string_view resource) {
    return service_->authorize_role(kArn, "job", action, resource, {}).has_value();
  }
  Result<TemporaryCredentials> shell(const std::string& role) {
    const std::string holder = shell_holder(kAccount, role);
    return service_->granted_credentials(holder, shell_token(root_key_, holder));
  }
};

TEST_F(ExecutionRoleTest, IsMadeOnceInTheFoldersLife) {
  make();
  ASSERT_TRUE(there_is(kRole));
  start(false);
  make();
  ASSERT_TRUE(there_is(kRole));
  remove();
  start(false);
  make();
  EXPECT_FALSE(there_is(kRole));
}

TEST_F(ExecutionRoleTest, MayDoItsWorkAndNoMore) {
  EXPECT_TRUE(parse_policy(execution_role_policy(kAccount), PolicyKind::identity));
  make();
  for (auto [action, resource] : std::initializer_list<std::pair<const char*, std::string>>{
           {"sagemaker:CreateTrainingJob",
            "arn:aws:sagemaker:eu-west-1:123456789012:training-job/a"},
           {"s3:PutObject", "arn:aws:s3:::bucket/key"},
           {"s3:CreateBucket", "arn:aws:s3:::bucket"},
           {"logs:GetLogEvents",
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/"
            "TrainingJobs:log-stream:a"},
           {"iam:GetRole", kArn},
           {"iam:PassRole", kArn}})
    EXPECT_TRUE(may(action, resource)) << action;
  for (auto [action, resource] : std::initializer_list<std::pair<const char*, std::string>>{
           {"iam:PassRole", "arn:aws:iam::123456789012:role/admin"},
           {"iam:GetRole", "arn:aws:iam::123456789012:role/admin"},
           {"iam:PutRolePolicy", kArn},
           {"iam:AttachRolePolicy", kArn},
           {"iam:UpdateAssumeRolePolicy", kArn},
           {"iam:DeleteRole", kArn},
           {"iam:CreateRole", "arn:aws:iam::123456789012:role/new"},
           {"sts:AssumeRole", "arn:aws:iam::123456789012:role/admin"},
           {"logs:GetLogEvents",
            "arn:aws:logs:us-east-1:123456789012:log-group:/bank:log-stream:a"},
           {"logs:DeleteLogGroup",
            "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/TrainingJobs"},
           {"lambda:InvokeFunction", "*"}})
    EXPECT_FALSE(may(action, resource)) << action << " " << resource;
}

TEST_F(ExecutionRoleTest, ShellsGetCredentialsThatRenew) {
  make();
  auto first = shell(kRole);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->assumed_role_arn,
            "arn:aws:sts::123456789012:assumed-role/" + kRole + "/tidemill-env");
  EXPECT_EQ(first->role_arn, kArn);
  EXPECT_EQ(shell(kRole)->access_key_id, first->access_key_id);
  clock_.advance(std::chrono::minutes(50));
  auto second = shell(kRole);
  ASSERT_TRUE(second);
  EXPECT_NE(second->access_key_id, first->access_key_id);
  EXPECT_GT(second->expiration.microseconds, first->expiration.microseconds);
}

TEST_F(ExecutionRoleTest, AShellsTokenOpensOneRole) {
  make();
  const std::string holder = shell_holder(kAccount, kRole);
  const std::string other = shell_holder(kAccount, "other");
  auto refused = [&](const std::string& who, const std::string& token) {
    auto given = service_->granted_credentials(who, token);
    return !given && given.error().code == "AccessDenied";
  };
  EXPECT_TRUE(refused(holder, ""));
  EXPECT_TRUE(refused(holder, shell_token(root_key_, other)));
  EXPECT_TRUE(refused(holder, shell_token({"AKIAROOT", "another secret", kAccount}, holder)));
  EXPECT_TRUE(refused(other, shell_token(root_key_, other)));  // there is no such role
  EXPECT_TRUE(refused("shell.", shell_token(root_key_, "shell.")));
  EXPECT_TRUE(refused("shell.123456789012", shell_token(root_key_, "shell.123456789012")));
}

TEST_F(ExecutionRoleTest, CredentialsOfARoleThatWasMadeAnewAreNotGivenAgain) {
  make();
  auto before = shell(kRole);
  ASSERT_TRUE(before);
  remove();
  EXPECT_EQ(shell(kRole).error().code, "AccessDenied");
  ops::CreateRole::Input again;
  again.role_name = kRole;
  again.assume_role_policy_document = kTrustSageMaker;
  ASSERT_EQ(code<ops::CreateRole>(again), "ok");
  auto after = shell(kRole);
  ASSERT_TRUE(after);
  EXPECT_NE(after->access_key_id, before->access_key_id);
}

}  // namespace
}  // namespace tidemill::services::iam
