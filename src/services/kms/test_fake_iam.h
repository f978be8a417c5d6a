// IAM for tests of KMS: allows everything, or nothing.
#pragma once

#include <gmock/gmock.h>

#include "services/iam/interface.h"

namespace tidemill::services::kms {

class FakeIam final : public iam::IamInterface {
 public:
  bool allow = true;

  Result<void> check_pass_role(const Context&, std::string_view, std::string_view,
                               const std::vector<std::string>&) override {
    return answer();
  }
  Result<iam::TemporaryCredentials> issue_role_credentials(std::string_view, std::string_view,
                                                           std::chrono::seconds) override {
    return fail("AccessDenied", "not in this test");
  }
  Result<std::string> grant_role(const iam::RoleGrant&) override {
    return fail("AccessDenied", "not in this test");
  }
  Result<void> revoke_role(std::string_view) override { return {}; }
  Result<iam::TemporaryCredentials> granted_credentials(std::string_view,
                                                        std::string_view) override {
    return fail("AccessDenied", "not in this test");
  }
  Result<void> authorize_role(std::string_view, std::string_view, std::string_view,
                              std::string_view, const iam::ConditionContext&, Timestamp) override {
    return answer();
  }
  Result<Principal> role_principal(std::string_view, std::string_view, std::string_view,
                                   Timestamp) override {
    return fail("AccessDenied", "not in this test");
  }
  Result<void> authorize(const Principal&, std::string_view, std::string_view,
                         const iam::ConditionContext&, const iam::ResourcePolicy*) override {
    return answer();
  }
  void add_resource_policies(std::string_view, iam::ResourcePolicySource&) override {}
  void add_operation_actions(std::string_view, iam::OperationActions&) override {}

 private:
  Result<void> answer() const {
    if (allow) return {};
    return fail("AccessDeniedException", "denied");
  }
};

}  // namespace tidemill::services::kms
