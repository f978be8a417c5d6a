#include "services/iam/resource_policies.h"

#include "services/iam/test_roles.h"

namespace tidemill::services::iam {
namespace {

constexpr const char* kOther = "999988887777";

class FakeBuckets final : public ResourcePolicySource {
 public:
  bool has_any() const override { return !statements.empty(); }
  Result<std::optional<ResourcePolicy>> find(std::string_view arn) override {
    if (!arn.starts_with("arn:aws:s3:::b")) return std::optional<ResourcePolicy>();
    return std::optional(
        ResourcePolicy{owner, statements.empty() ? "" : "{\"Statement\":" + statements + "}"});
  }
  std::string owner = kAccount;
  std::string statements;
};

class ResourcePolicyTest : public IamServiceTest {
 protected:
  ResourcePolicyTest() {
    service_->add_resource_policies("s3", buckets_);
    create_role(kTrustSageMaker);
    job_ =
        role_context(service_->issue_role_credentials(kRole, "j", std::chrono::hours(1)).value());
  }
  std::string get(const Context& context, const char* action = "s3:GetObject") {
    return may(context, action, "arn:aws:s3:::b/k");
  }
  FakeBuckets buckets_;
  Context job_;
};

constexpr const char* kDenied = "AccessDeniedException";

TEST_F(ResourcePolicyTest, in_one_account_either_side_allows) {
  EXPECT_EQ(get(job_), kDenied);
  EXPECT_EQ(get(root_context()), "ok");
  buckets_.statements = R"([{"Effect":"Allow","Principal":{"AWS":
      "arn:aws:iam::123456789012:role/r"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}])";
  EXPECT_EQ(get(job_), "ok");
  EXPECT_EQ(get(job_, "s3:PutObject"), kDenied);
  // To trust the account leaves it to the role's own policies.
  buckets_.statements = R"([{"Effect":"Allow","Principal":{"AWS":"123456789012"},
      "Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}])";
  EXPECT_EQ(get(job_), kDenied);
}

TEST_F(ResourcePolicyTest, a_denial_binds_everybody_and_root) {
  put_policy(R"([{"Effect":"Allow","Action":"*","Resource":"*"}])");
  EXPECT_EQ(get(job_), "ok");
  buckets_.statements = R"([{"Effect":"Deny","Principal":"*","Action":"s3:*",
      "Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}])";
  EXPECT_EQ(get(job_), kDenied);
  EXPECT_EQ(get(root_context()), kDenied);
  EXPECT_EQ(may(root_context(), "s3:DeleteBucketPolicy", "arn:aws:s3:::b"), "ok");
  EXPECT_EQ(may(job_, "s3:DeleteBucketPolicy", "arn:aws:s3:::b"), kDenied);
  EXPECT_EQ(may(root_context(), "s3:GetObject", "arn:aws:s3:::other/k"), "ok");
  buckets_.statements = "damaged";
  EXPECT_EQ(get(job_), kDenied);
}

TEST_F(ResourcePolicyTest, across_accounts_both_sides_must_allow) {
  buckets_.owner = kOther;
  put_policy(R"([{"Effect":"Allow","Action":"s3:*","Resource":"*"}])");
  EXPECT_EQ(get(job_), kDenied);
  buckets_.statements = R"([{"Effect":"Allow","Principal":{"AWS":"123456789012"},
      "Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*",
      "Condition":{"StringEquals":{"aws:ResourceAccount":"999988887777"}}}])";
  EXPECT_EQ(get(job_), "ok");
  EXPECT_EQ(get(job_, "s3:PutObject"), kDenied);
  EXPECT_EQ(get(root_context()), "ok");
  put_policy(R"([{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}])");
  EXPECT_EQ(get(job_), kDenied);
}

TEST_F(ResourcePolicyTest, a_policy_that_is_given_counts_before_the_source) {
  const ResourcePolicy open{kAccount, R"({"Statement":{"Effect":"Allow","Principal":"*",
      "Action":"s3:GetObject","Resource":"*"}})"};
  auto asked = [&](const ResourcePolicy& policy) {
    return service_
        ->authorize(job_.principal, "s3:GetObject", "arn:aws:s3:::b/k", ConditionContext{}, &policy)
        .has_value();
  };
  EXPECT_TRUE(asked(open));
  EXPECT_FALSE(asked({kAccount, ""}));
  EXPECT_FALSE(asked({kOther, open.document}));
}

TEST(ResourcePolicyDocuments, are_checked_and_judged_public) {
  auto policy = [](const std::string& principal, const std::string& rest,
                   const std::string& resource = "arn:aws:s3:::b/*") {
    return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":)" + principal +
           R"(,"Action":"s3:GetObject","Resource":")" + resource + "\"" + rest + "}]}";
  };
  const std::string bucket = "arn:aws:s3:::b";
  EXPECT_TRUE(check_resource_policy(policy("\"*\"", ""), bucket));
  EXPECT_TRUE(check_resource_policy(policy("\"*\"", "", "*"), bucket));
  EXPECT_TRUE(check_resource_policy(policy("\"*\"", "", bucket), bucket));
  for (const char* foreign : {"arn:aws:s3:::c/*", "arn:aws:s3:::bb/*", "arn:aws:s3:::bb"})
    EXPECT_EQ(check_resource_policy(policy("\"*\"", "", foreign), bucket).error().message,
              "Policy has invalid resource");
  EXPECT_FALSE(check_resource_policy("{", bucket));
  EXPECT_TRUE(is_public_policy(policy("\"*\"", "")).value());
  EXPECT_TRUE(is_public_policy(policy(R"({"AWS":"*"})", "")).value());
  EXPECT_FALSE(is_public_policy(policy(R"({"AWS":"123456789012"})", "")).value());
  auto condition = [&](const char* text) {
    return is_public_policy(policy("\"*\"", std::string(",\"Condition\":") + text)).value();
  };
  EXPECT_FALSE(condition(R"({"StringEquals":{"aws:PrincipalAccount":"123456789012"}})"));
  EXPECT_FALSE(condition(R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})"));
  EXPECT_TRUE(condition(R"({"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}})"));
  EXPECT_TRUE(condition(R"({"StringLike":{"aws:PrincipalAccount":"*"}})"));
  EXPECT_TRUE(condition(R"({"Bool":{"aws:SecureTransport":"true"}})"));
  EXPECT_FALSE(
      condition(R"({"ArnLike":{"aws:SourceArn":"arn:aws:sns:us-east-1:123456789012:*"}})"));
  EXPECT_TRUE(condition(R"({"ArnLike":{"aws:SourceArn":"arn:aws:sns:us-east-1:*:t"}})"));
  EXPECT_FALSE(condition(R"({"StringEquals":{"aws:userid":"AIDAEXAMPLE"}})"));
  EXPECT_TRUE(condition(R"({"StringEquals":{"aws:userid":"anonymous"}})"));
  EXPECT_TRUE(condition(R"({"StringEquals":{"aws:userid":["AIDAEXAMPLE","anonymous"]}})"));
  EXPECT_TRUE(condition(R"({"StringEqualsIgnoreCase":{"aws:userid":"Anonymous"}})"));
  EXPECT_TRUE(condition(R"({"StringLike":{"aws:userid":"anon*"}})"));
  EXPECT_TRUE(condition(R"({"StringEquals":{"aws:PrincipalAccount":""}})"));
}

// A resource whose policy alone decides, and which knows grants.
class FakeKeys final : public ResourcePolicySource {
 public:
  bool has_any() const override { return true; }
  Result<std::optional<ResourcePolicy>> find(std::string_view) override {
    return std::optional(ResourcePolicy{kAccount, "{\"Statement\":" + statements + "}", true});
  }
  Result<bool> grants(std::string_view, std::string_view action, const Grantee& grantee,
                      const ConditionContext&) override {
    return action == "kms:Decrypt" && grantee.role_arn == kRole && granted;
  }
  std::string statements = "[]";
  bool granted = false;
};

TEST_F(ResourcePolicyTest, where_the_policy_must_grant_nothing_else_but_grants_is_enough) {
  FakeKeys keys;
  service_->add_resource_policies("kms", keys);
  const auto use = [&](const Context& context, const char* action = "kms:Decrypt") {
    return may(context, action, "arn:aws:kms:us-east-1:123456789012:key/k");
  };
  put_policy(R"([{"Effect":"Allow","Action":"kms:*","Resource":"*"}])");
  keys.statements = R"([{"Effect":"Allow","Principal":{"AWS":"999988887777"},
      "Action":"kms:*","Resource":"*"}])";
  EXPECT_EQ(use(job_), kDenied);
  EXPECT_EQ(use(root_context()), kDenied);
  keys.granted = true;
  EXPECT_EQ(use(job_), "ok");
  EXPECT_EQ(use(job_, "kms:Encrypt"), kDenied);
  EXPECT_EQ(use(root_context()), kDenied);
  put_policy(R"([{"Effect":"Deny","Action":"kms:*","Resource":"*"}])");
  EXPECT_EQ(use(job_), kDenied);
  put_policy(R"([{"Effect":"Allow","Action":"kms:*","Resource":"*"}])");
  keys.granted = false;
  keys.statements = R"([{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},
      "Action":"kms:*","Resource":"*"}])";
  EXPECT_EQ(use(job_), "ok");
  EXPECT_EQ(use(root_context()), "ok");
}

TEST_F(ResourcePolicyTest, kms_keys_that_a_request_lacks_are_absent) {
  FakeKeys keys;
  service_->add_resource_policies("kms", keys);
  keys.statements = R"([{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"},
      {"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":
       {"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com",
                        "kms:EncryptionContext:dept":"it"}}}])";
  EXPECT_EQ(may(job_, "kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/k"), "ok");
}

}  // namespace
}  // namespace tidemill::services::iam
