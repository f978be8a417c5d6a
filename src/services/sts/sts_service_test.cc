#include "services/sts/sts_service.h"

#include "api/iam/role.h"
#include "api/sts/identity.h"
#include "services/iam/test_support.h"

namespace tidemill::services::sts {
namespace {

namespace ops = api::sts::operations;

class StsTest : public iam::IamTest {
 protected:
  StsTest() { StsService(*service_).add_to(*registry_); }
};

TEST_F(StsTest, caller_identity) {
  auto identity = call<ops::GetCallerIdentity>({}).value();
  EXPECT_EQ(identity.account, "123456789012");
  EXPECT_EQ(identity.arn, "arn:aws:iam::123456789012:root");
  EXPECT_EQ(identity.user_id, "123456789012");
}

TEST_F(StsTest, assume_role) {
  ops::AssumeRole::Input input;
  input.role_arn = "arn:aws:iam::123456789012:role/r";
  input.role_session_name = "session";
  EXPECT_EQ(code<ops::AssumeRole>(input), "AccessDenied");
  api::iam::operations::CreateRole::Input role;
  role.role_name = "r";
  role.assume_role_policy_document = iam::kTrustAccount;
  ASSERT_EQ(code<api::iam::operations::CreateRole>(role), "ok");
  input.duration_seconds = 900;
  auto out = call<ops::AssumeRole>(input).value();
  EXPECT_EQ(out.assumed_role_user->arn, "arn:aws:sts::123456789012:assumed-role/r/session");
  EXPECT_TRUE(out.assumed_role_user->assumed_role_id.ends_with(":session"));
  EXPECT_EQ(out.credentials->expiration - clock_.now(), std::chrono::milliseconds(899'500));
  EXPECT_TRUE(service_->credentials().find(out.credentials->access_key_id).value());
  EXPECT_EQ(call<ops::GetAccessKeyInfo>({out.credentials->access_key_id})->account, "123456789012");
  input.token_code = "123456";
  EXPECT_EQ(code<ops::AssumeRole>(input), "AccessDenied");
}

TEST_F(StsTest, session_token) {
  auto out = call<ops::GetSessionToken>({}).value();
  auto found = service_->credentials().find(out.credentials->access_key_id).value();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->root);
  EXPECT_EQ(out.credentials->expiration - clock_.now(), std::chrono::milliseconds(3'599'500));
  context_.principal.access_key_id = out.credentials->access_key_id;
  EXPECT_EQ(code<ops::GetSessionToken>({}), "AccessDenied");
  EXPECT_EQ(code<ops::GetAccessKeyInfo>({"AKIAUNKNOWNUNKNOWN12"}), "ValidationError");
}

}  // namespace
}  // namespace tidemill::services::sts
