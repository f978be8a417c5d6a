// Shared by the tests of roles: one call makes a role, another assumes it.
#pragma once

#include <string>
#include <vector>

#include "api/iam/role.h"
#include "services/iam/test_support.h"

namespace tidemill::services::iam {

// A role's policies: what it may do with objects below b/in/.
inline constexpr const char* kReadsBucket =
    R"([{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/in/*"},
        {"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b",
         "Condition":{"StringLike":{"s3:prefix":"in/*"}}}])";

namespace ops = api::iam::operations;
inline constexpr const char* kRole = "arn:aws:iam::123456789012:role/r";
// The job for which the service assumes a role, unless a test says otherwise.
inline constexpr const char* kJob = "arn:aws:sagemaker:us-east-1:123456789012:training-job/j";
inline constexpr const char* kSageMaker = "sagemaker.amazonaws.com";

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
  std::string pass(const char* arn = kRole, const std::vector<std::string>& sources = {kJob}) {
    auto result = service_->check_pass_role(context_, arn, kSageMaker, sources);
    return result ? "ok" : result.error().code;
  }
  std::string may(const Context& context, const char* action, const char* resource) {
    auto result = service_->authorize(context.principal, action, resource, {}, nullptr);
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

}  // namespace tidemill::services::iam
