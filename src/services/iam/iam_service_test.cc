#include "services/iam/iam_service.h"

#include "api/iam/simulation.h"
#include "services/iam/policy_language/role_arn.h"
#include "services/iam/test_roles.h"

namespace tidemill::services::iam {
namespace {

TEST_F(IamServiceTest, the_author_of_a_policy_hears_of_keys_that_cannot_be_told) {
  create_role(kTrustSageMaker);
  put_policy(R"([{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::${aws:nosuch}",
    "Condition":{"StringEquals":{"aws:SourceIp":"1","my:key":"2","ec2:InstanceType":"3",
    "aws:PrincipalTag/x":"4","s3:prefix":"5","sagemaker:InstanceTypes":"6"}}}])");
  const std::string warning = context_.response_headers["x-tidemill-warning"];
  EXPECT_TRUE(warning.ends_with(": aws:nosuch, my:key")) << warning;
}

TEST_F(IamServiceTest, root_key) {
  auto root = service_->credentials().find("AKIAROOT").value();
  ASSERT_TRUE(root);
  EXPECT_TRUE(root->root);
  EXPECT_EQ(root->arn, "arn:aws:iam::123456789012:root");
  EXPECT_FALSE(service_->credentials().find("AKIAOTHER").value());
  EXPECT_EQ(service_->account_of_access_key("AKIAROOT"), kAccount);
  EXPECT_EQ(service_->account_of_access_key("AKIAOTHER"), std::nullopt);
}

TEST_F(IamServiceTest, authorizes_by_the_roles_policies) {
  create_role(kTrustSageMaker,
              R"([{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"},
    {"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b/secret"}])");
  const Context job =
      role_context(service_->issue_role_credentials(kRole, "j", std::chrono::hours(1)).value());
  EXPECT_EQ(may(job, "s3:GetObject", "arn:aws:s3:::b/k"), "ok");
  EXPECT_EQ(may(job, "s3:PutObject", "arn:aws:s3:::b/k"), "AccessDeniedException");
  auto denied =
      service_->authorize(job.principal, "s3:GetObject", "arn:aws:s3:::b/secret", {}, nullptr);
  EXPECT_EQ(denied.error().message,
            "User: arn:aws:sts::123456789012:assumed-role/r/j is not authorized to perform: "
            "s3:GetObject on resource: arn:aws:s3:::b/secret with an explicit deny in an "
            "identity-based policy: role_r_p, statement 2");
  EXPECT_EQ(may(root_context(), "s3:GetObject", "arn:aws:s3:::b/secret"), "ok");
  // A change counts at once, though policies are kept parsed.
  put_policy(R"([{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}])");
  EXPECT_EQ(may(job, "s3:PutObject", "arn:aws:s3:::b/k"), "ok");
  EXPECT_EQ(may(job, "s3:GetObject", "arn:aws:s3:::b/k"), "AccessDeniedException");
  EXPECT_EQ(code<ops::AttachRolePolicy>({"r", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}),
            "ok");
  EXPECT_EQ(may(job, "s3:GetObject", "arn:aws:s3:::b/k"), "ok");
}

TEST_F(IamServiceTest, permissions_boundary) {
  ops::CreateRole::Input input;
  input.role_name = "r";
  input.assume_role_policy_document = kTrustSageMaker;
  input.permissions_boundary = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";
  ASSERT_EQ(code<ops::CreateRole>(input), "ok");
  put_policy(R"([{"Effect":"Allow","Action":"*","Resource":"*"}])");
  const Context job =
      role_context(service_->issue_role_credentials(kRole, "j", std::chrono::hours(1)).value());
  EXPECT_EQ(may(job, "s3:GetObject", "arn:aws:s3:::b/k"), "ok");
  EXPECT_EQ(may(job, "s3:PutObject", "arn:aws:s3:::b/k"), "AccessDeniedException");
}

TEST_F(IamServiceTest, simulates_the_roles_policies) {
  create_role(kTrustSageMaker,
              R"([{"Effect":"Allow","Action":"s3:Put*","Resource":"arn:aws:s3:::b/*"},
    {"Effect":"Deny","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/no"},
    {"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"Bool":{"a:b":"true"}}}])");
  ops::SimulatePrincipalPolicy::Input input;
  input.policy_source_arn = kRole;
  input.action_names = {"s3:PutObject", "s3:GetObject", "s3:ListBucket"};
  input.resource_arns = {"arn:aws:s3:::b/k", "arn:aws:s3:::b/no"};
  auto results = call<ops::SimulatePrincipalPolicy>(input)->evaluation_results.value();
  ASSERT_EQ(results.size(), 6u);
  EXPECT_EQ(results[0].eval_decision, "allowed");
  EXPECT_EQ(results[0].eval_resource_name, "arn:aws:s3:::b/k");
  EXPECT_EQ(results[0].matched_statements->at(0).source_policy_id, "role_r_p");
  EXPECT_EQ(results[1].eval_decision, "explicitDeny");
  EXPECT_EQ(results[2].eval_decision, "implicitDeny");
  EXPECT_EQ(results[4].eval_decision, "implicitDeny");
  EXPECT_EQ(results[4].missing_context_values->at(0), "a:b");
  input.context_entries.emplace().push_back(
      {.context_key_name = "A:B", .context_key_values = {{"true"}}, .context_key_type = "boolean"});
  input.max_items = 4;
  auto first = call<ops::SimulatePrincipalPolicy>(input).value();
  EXPECT_EQ(first.evaluation_results->size(), 4u);
  EXPECT_TRUE(*first.is_truncated);
  input.marker = first.marker;
  auto second = call<ops::SimulatePrincipalPolicy>(input).value();
  ASSERT_EQ(second.evaluation_results->size(), 2u);
  EXPECT_EQ(second.evaluation_results->at(0).eval_decision, "allowed");
  input.policy_source_arn = "arn:aws:iam::123456789012:role/absent";
  EXPECT_EQ(code<ops::SimulatePrincipalPolicy>(input), "NoSuchEntity");
}

// The questions of the SageMaker SDK (v3) before it trains.
TEST_F(IamServiceTest, sagemaker_full_access_passes_the_sdks_questions) {
  create_role(kTrustSageMaker);
  ASSERT_EQ(code<ops::AttachRolePolicy>({"r", "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"}),
            "ok");
  ops::SimulatePrincipalPolicy::Input input;
  input.policy_source_arn = kRole;
  input.action_names = {"s3:PutObject"};
  input.resource_arns = {"arn:aws:s3:::sagemaker-us-east-1-123456789012/*", "arn:aws:s3:::mine/*"};
  auto results = call<ops::SimulatePrincipalPolicy>(input)->evaluation_results.value();
  EXPECT_EQ(results[0].eval_decision, "allowed");
  EXPECT_EQ(results[1].eval_decision, "implicitDeny");
}

TEST(RoleArn, takes_apart) {
  auto arn = parse_role_arn("arn:aws:iam::123456789012:role/a/b/n");
  ASSERT_TRUE(arn);
  EXPECT_EQ(arn->path, "/a/b/");
  EXPECT_EQ(arn->name, "n");
  EXPECT_EQ(parse_role_arn("arn:aws:iam::123456789012:role/n")->path, "/");
  for (const char* bad :
       {"", "arn:aws:iam::123456789012:role/", "arn:aws:iam::12:role/n",
        "arn:aws:iam::123456789012:user/n", "arn:aws:s3:::b", "arn:aws:iam::123456789012:role/a b"})
    EXPECT_FALSE(parse_role_arn(bad)) << bad;
  EXPECT_EQ(assumed_role_name("arn:aws:sts::123456789012:assumed-role/n/s"), "n");
  EXPECT_EQ(assumed_role_name("arn:aws:iam::123456789012:root"), "");
}

TEST_F(IamServiceTest, what_is_done_for_a_role_is_held_to_its_policies) {
  auto may_role = [&](const char* action, const char* resource, ConditionContext more = {}) {
    return service_->authorize_role(kRole, "SageMaker", action, resource, more);
  };
  auto absent = may_role("s3:GetObject", "arn:aws:s3:::b/in/x");
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, "AccessDeniedException");
  create_role(kTrustSageMaker, kReadsBucket);
  EXPECT_TRUE(may_role("s3:GetObject", "arn:aws:s3:::b/in/x"));
  EXPECT_FALSE(may_role("s3:GetObject", "arn:aws:s3:::b/out/x"));
  EXPECT_FALSE(may_role("s3:PutObject", "arn:aws:s3:::b/in/x"));
  EXPECT_TRUE(may_role("s3:ListBucket", "arn:aws:s3:::b", {{"s3:prefix", {"in/a"}}}));
  EXPECT_FALSE(may_role("s3:ListBucket", "arn:aws:s3:::b", {{"s3:prefix", {""}}}));
  auto denied = may_role("s3:PutObject", "arn:aws:s3:::b/in/x");
  ASSERT_FALSE(denied);
  EXPECT_EQ(
      denied.error().message,
      "User: arn:aws:sts::123456789012:assumed-role/r/SageMaker is not authorized to perform: "
      "s3:PutObject on resource: arn:aws:s3:::b/in/x because no identity-based policy allows "
      "the s3:PutObject action");
  EXPECT_FALSE(service_->authorize_role("nonsense", "s", "s3:GetObject", "*", {}));
}

TEST_F(IamServiceTest, a_role_made_again_is_not_the_one_that_was_passed) {
  create_role(kTrustSageMaker, kReadsBucket);
  clock_.advance(std::chrono::milliseconds(1));
  const Timestamp passed = clock_.now();
  const auto principal = [&](Timestamp since) {
    return service_->role_principal(kRole, "SageMaker", kAccount, since);
  };
  const auto may = [&](Timestamp since) {
    return service_->authorize_role(kRole, "SageMaker", "s3:GetObject", "arn:aws:s3:::b/in/x", {},
                                    since);
  };
  EXPECT_TRUE(principal(passed));
  EXPECT_TRUE(may(passed));
  const std::string token = service_->grant_role({"job.1", kRole, "SageMaker", passed}).value();
  ASSERT_TRUE(service_->granted_credentials("job.1", token));

  ASSERT_EQ(code<ops::DeleteRolePolicy>({"r", "p"}), "ok");
  ASSERT_EQ(code<ops::DeleteRole>({"r"}), "ok");
  EXPECT_EQ(principal(passed).error().message, "There is no role " + std::string(kRole) + ".");
  clock_.advance(std::chrono::milliseconds(1));  // within the second that CreateDate shows
  create_role(kTrustSageMaker, R"([{"Effect":"Allow","Action":"*","Resource":"*"}])");
  const auto refused = principal(passed);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "AccessDenied");
  EXPECT_TRUE(refused.error().message.starts_with(
      "The role " + std::string(kRole) + " was deleted and made again after it was passed."));
  EXPECT_EQ(may(passed).error().code, "AccessDeniedException");
  EXPECT_EQ(may(passed).error().message, refused.error().message);
  // No credentials of the new role: neither with the old grant nor with another for the old job.
  clock_.advance(std::chrono::minutes(50));  // those that were given before are to be renewed
  EXPECT_EQ(service_->granted_credentials("job.1", token).error().message, refused.error().message);
  EXPECT_EQ(service_->grant_role({"job.2", kRole, "SageMaker", passed}).error().code,
            "AccessDenied");
  // A job that got the new role may use it; so may one for which an older server noted no time.
  EXPECT_TRUE(principal(clock_.now()));
  EXPECT_TRUE(may(clock_.now()));
  EXPECT_TRUE(principal({}));
  EXPECT_TRUE(service_->grant_role({"job.3", kRole, "SageMaker", clock_.now()}));
  // The wall clock was set back by a day after the role was made: jobs of today may use it.
  clock_.advance(-std::chrono::hours(24));
  EXPECT_TRUE(principal(clock_.now()));
}

TEST_F(IamServiceTest, calls_of_the_server_as_a_role_have_a_session_of_that_moment) {
  const std::string now = format_iso8601(clock_.now());
  create_role(kTrustSageMaker, R"([{"Effect":"Allow","Action":"s3:*","Resource":"*"},
      {"Effect":"Deny","Action":"s3:PutObject","Resource":"*",
       "Condition":{"DateLessThan":{"aws:TokenIssueTime":")" +
                                   now + R"("}}},
      {"Effect":"Deny","Action":"s3:DeleteObject","Resource":"*",
       "Condition":{"Null":{"aws:TokenIssueTime":"true"}}},
      {"Effect":"Deny","Action":"s3:GetObject","Resource":"*",
       "Condition":{"DateGreaterThanEquals":{"aws:TokenIssueTime":")" +
                                   now + R"("}}}])");
  const auto may = [&](const char* action) {
    const Principal principal = service_->role_principal(kRole, "SageMaker", kAccount, {}).value();
    return service_->authorize(principal, action, "arn:aws:s3:::b/x", {}, nullptr).has_value();
  };
  EXPECT_TRUE(may("s3:PutObject"));
  EXPECT_TRUE(may("s3:DeleteObject"));
  EXPECT_FALSE(may("s3:GetObject"));
}

TEST_F(AcceptAnyTest, a_role_made_again_is_as_good_as_any) {
  create_role(kTrustSageMaker);
  EXPECT_TRUE(service_->role_principal(kRole, "s", kAccount, {1}));
  EXPECT_TRUE(service_->grant_role({"job.1", kRole, "s", {1}}));
}

TEST_F(AcceptAnyTest, every_role_may_do_everything) {
  EXPECT_TRUE(service_->authorize_role(kRole, "s", "s3:GetObject", "arn:aws:s3:::b/x", {}));
}

}  // namespace
}  // namespace tidemill::services::iam
