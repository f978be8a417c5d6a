// For tests: S3 as a role may use it, by what a fake IAM says of each action.
#pragma once

#include <string>

#include "services/iam/interface.h"
#include "services/sagemaker/common/checked_s3.h"
#include "services/sagemaker/common/dependencies.h"

namespace tidemill::services::sagemaker {

// Refusals are S3's AccessDenied, their message naming the role, the action and the ARN. Borrows;
// thread-safe.
class RoleS3 final : public CheckedS3 {
 public:
  RoleS3(s3::S3Interface& s3, iam::IamInterface& iam, std::string role_arn)
      : CheckedS3(s3), iam_(iam), role_arn_(std::move(role_arn)) {}

 private:
  Result<void> check(const S3Action& asked) override;

  iam::IamInterface& iam_;
  const std::string role_arn_;
};

inline Result<void> RoleS3::check(const S3Action& asked) {
  std::string resource = "arn:aws:s3:::" + std::string(asked.bucket);
  if (!asked.key.empty()) resource += "/" + std::string(asked.key);
  iam::ConditionContext conditions;
  if (asked.prefix) conditions["s3:prefix"] = {std::string(*asked.prefix)};
  Result<void> allowed =
      iam_.authorize_role(role_arn_, kRoleSessionName, asked.action, resource, conditions);
  if (allowed || allowed.error().code.starts_with("Tidemill.")) return allowed;
  return fail("AccessDenied", allowed.error().message, 403);
}

inline S3As s3_as(s3::S3Interface& s3, iam::IamInterface& iam) {
  return
      [&s3, &iam](const RoleUse& use) { return std::make_unique<RoleS3>(s3, iam, use.role_arn); };
}

}  // namespace tidemill::services::sagemaker
