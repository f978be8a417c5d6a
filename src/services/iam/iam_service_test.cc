#include "services/iam/iam_service.h"

#include "api/iam/role.h"
#include "api/iam/simulation.h"
#include "services/iam/role_arn.h"
#include "services/iam/test_support.h"

namespace tidemill::services::iam {
namespace {

namespace ops = api::iam::operations;
constexpr const char* kRole = "arn:aws:iam::123456789012:role/r";
constexpr const char* kSageMaker = "sagemaker.amazonaws.com";

class IamServiceTest : public IamTest {
 protected:
  using IamTest::IamTest;
  void create_role(const char* trust, const std::string& statements = "", const char* name = "r") {
    context_ = root_context();
    ops::CreateRole::Input input;
    input.role_name = name;
    input.assume_role_policy_document = trust;
    ASSERT_EQ(code<ops::CreateRole>(input), "ok");
    if (!statements.empty()) put_policy(statements, name);
  }
  void put_policy(const std::string& statements, const char* name = "r") {
    ASSERT_EQ(code<ops::PutRolePolicy>({name, "p", "{\"Statement\":" + statements + "}"}), "ok");
  }
  std::string pass(const char* arn = kRole) {
    auto result = service_->check_pass_role(context_, arn, kSageMaker);
    return result ? "ok" : result.error().code;
  }
  std::string may(const Context& context, const char* action, const char* resource) {
    auto result = service_->authorize(context.principal, action, resource, {});
    return result ? "ok" : result.error().code;
  }
  Result<TemporaryCredentials> assume(AssumeRole request = {kRole, "s"}) {
    return service_->assume_role(context_, request);
  }
};

class AcceptAnyTest : public IamServiceTest {
 protected:
  AcceptAnyTest() : IamServiceTest(true) {}
};

TEST_F(IamServiceTest, pass_role) {
  EXPECT_EQ(pass("nonsense"), "ValidationException");
  auto absent = service_->check_pass_role(context_, kRole, kSageMaker);
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

TEST_F(IamServiceTest, the_author_of_a_policy_hears_of_keys_that_cannot_be_told) {
  create_role(kTrustSageMaker);
  put_policy(R"([{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::${aws:nosuch}",
    "Condition":{"StringEquals":{"aws:SourceIp":"1","my:key":"2","ec2:InstanceType":"3",
    "aws:PrincipalTag/x":"4","s3:prefix":"5","sagemaker:InstanceTypes":"6"}}}])");
  const std::string warning = context_.response_headers["x-tidemill-warning"];
  EXPECT_TRUE(warning.ends_with(": aws:nosuch, my:key")) << warning;
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

TEST_F(IamServiceTest, job_credentials_survive_a_restart_and_expire) {
  EXPECT_FALSE(service_->issue_role_credentials(kRole, "job", std::chrono::hours(1)));
  create_role(kTrustSageMaker);
  auto issued = service_->issue_role_credentials(kRole, "job", std::chrono::hours(1)).value();
  EXPECT_EQ(issued.assumed_role_arn, "arn:aws:sts::123456789012:assumed-role/r/job");
  EXPECT_TRUE(issued.access_key_id.starts_with("ASIA"));
  start(false);
  auto found = service_->credentials().find(issued.access_key_id).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->secret_access_key, issued.secret_access_key);
  EXPECT_EQ(found->session_token, issued.session_token);
  EXPECT_EQ(found->arn, issued.assumed_role_arn);
  EXPECT_FALSE(found->root);
  EXPECT_EQ(found->expiration, issued.expiration);
  // Long after, they are gone from memory and from the store.
  clock_.advance(std::chrono::hours(2));
  ASSERT_TRUE(service_->issue_role_credentials(kRole, "job", std::chrono::hours(1)));
  EXPECT_FALSE(service_->credentials().find(issued.access_key_id).value());
  EXPECT_FALSE(store_->get("iam_sessions", issued.access_key_id).value());
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
  auto denied = service_->authorize(job.principal, "s3:GetObject", "arn:aws:s3:::b/secret", {});
  EXPECT_EQ(denied.error().message,
            "User: arn:aws:sts::123456789012:assumed-role/r/j is not authorized to perform: "
            "s3:GetObject on resource: arn:aws:s3:::b/secret with an explicit deny in an "
            "identity-based policy");
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

// What the SageMaker SDK (v3) asks before it trains.
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

constexpr const char* kReadsBucket =
    R"([{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/in/*"},
        {"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b",
         "Condition":{"StringLike":{"s3:prefix":"in/*"}}}])";

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

TEST_F(AcceptAnyTest, every_role_may_do_everything) {
  EXPECT_TRUE(service_->authorize_role(kRole, "s", "s3:GetObject", "arn:aws:s3:::b/x", {}));
}

TEST_F(IamServiceTest, a_grant_gives_credentials_until_it_is_revoked) {
  create_role(kTrustSageMaker, kReadsBucket);
  const std::string token = service_->grant_role({"training.1", kRole, "SageMaker"}).value();
  EXPECT_EQ(service_->grant_role({"training.1", kRole, "SageMaker"}).value(), token);
  EXPECT_NE(service_->grant_role({"training.2", kRole, "SageMaker"}).value(), token);

  auto given = service_->granted_credentials("training.1", token);
  ASSERT_TRUE(given);
  EXPECT_EQ(given->role_arn, kRole);
  EXPECT_EQ(given->assumed_role_arn, "arn:aws:sts::123456789012:assumed-role/r/SageMaker");
  const auto left = [&](const TemporaryCredentials& credentials) {  // they end at a full second
    return std::chrono::ceil<std::chrono::seconds>(credentials.expiration - clock_.now());
  };
  EXPECT_EQ(left(*given), std::chrono::hours(1));
  EXPECT_EQ(may(role_context(*given), "s3:GetObject", "arn:aws:s3:::b/in/x"), "ok");
  EXPECT_EQ(may(role_context(*given), "s3:GetObject", "arn:aws:s3:::b/x"), "AccessDeniedException");
  for (const auto& [holder, other] : {std::pair<const char*, std::string>{"training.1", "guess"},
                                      {"training.1", ""},
                                      {"training.2", token},
                                      {"training.3", token},
                                      {"", ""}}) {
    auto refused = service_->granted_credentials(holder, other);
    ASSERT_FALSE(refused) << holder;
    EXPECT_EQ(refused.error().code, "AccessDenied");
  }

  // The same while they last long enough, then others.
  clock_.advance(std::chrono::minutes(39));
  EXPECT_EQ(service_->granted_credentials("training.1", token)->access_key_id,
            given->access_key_id);
  clock_.advance(std::chrono::minutes(2));
  auto renewed = service_->granted_credentials("training.1", token);
  ASSERT_TRUE(renewed);
  EXPECT_NE(renewed->access_key_id, given->access_key_id);
  EXPECT_EQ(left(*renewed), std::chrono::hours(1));

  start(false);  // a grant survives a restart, as its job does
  ASSERT_TRUE(service_->granted_credentials("training.1", token));
  ASSERT_TRUE(service_->revoke_role("training.1"));
  ASSERT_TRUE(service_->revoke_role("training.1"));
  EXPECT_FALSE(service_->granted_credentials("training.1", token));
  start(false);
  EXPECT_FALSE(service_->granted_credentials("training.1", token));
}

TEST_F(IamServiceTest, what_a_grant_gave_ends_with_it) {
  create_role(kTrustSageMaker, R"([{"Effect":"Allow","Action":"*","Resource":"*"}])");
  create_role(kTrustAccount, "", "other");
  const auto fetch = [&](const char* holder) {
    const std::string token = service_->grant_role({holder, kRole, "SageMaker"}).value();
    return service_->granted_credentials(holder, token).value();
  };
  const TemporaryCredentials ending = fetch("training.1"), going_on = fetch("training.2");
  context_ = role_context(ending);
  const TemporaryCredentials chained =
      assume({"arn:aws:iam::123456789012:role/other", "s"}).value();
  const auto good = [&](const TemporaryCredentials& keys) {
    return service_->credentials().find(keys.access_key_id).value()->expiration > clock_.now();
  };
  for (const auto& keys : {ending, going_on, chained}) EXPECT_TRUE(good(keys));
  ASSERT_TRUE(service_->revoke_role("training.1"));
  for (bool restarted : {false, true}) {
    if (restarted) start(false);
    EXPECT_FALSE(good(ending));
    EXPECT_FALSE(good(chained));
    EXPECT_TRUE(good(going_on));
  }
}

}  // namespace
}  // namespace tidemill::services::iam
