#include "services/iam/test_roles.h"

namespace tidemill::services::iam {
namespace {

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
