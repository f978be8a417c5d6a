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
  RoleS3(s3::S3Interface& s3, iam::IamInterface& iam, RoleUse use)
      : CheckedS3(s3), iam_(iam), use_(std::move(use)) {}

 private:
  Result<void> check(const S3Action& asked) override;

  iam::IamInterface& iam_;
  const RoleUse use_;
};

inline Result<void> RoleS3::check(const S3Action& asked) {
  std::string resource = "arn:aws:s3:::" + std::string(asked.bucket);
  if (!asked.key.empty()) resource += "/" + std::string(asked.key);
  iam::ConditionContext conditions;
  if (asked.prefix) conditions["s3:prefix"] = {std::string(*asked.prefix)};
  Result<void> allowed = iam_.authorize_role(use_.role_arn, kRoleSessionName, asked.action,
                                             resource, conditions, use_.since);
  if (allowed || allowed.error().code.starts_with("Tidemill.")) return allowed;
  return fail("AccessDenied", allowed.error().message, 403);
}

// Everything is allowed.
class AccountS3 final : public CheckedS3 {
 public:
  using CheckedS3::CheckedS3;

 private:
  Result<void> check(const S3Action&) override { return {}; }
};

inline S3InAccount s3_in_account(s3::S3Interface& s3) {
  return [&s3](const std::string&, const std::string&) { return std::make_unique<AccountS3>(s3); };
}

inline S3As s3_as(s3::S3Interface& s3, iam::IamInterface& iam) {
  return [&s3, &iam](const RoleUse& use) { return std::make_unique<RoleS3>(s3, iam, use); };
}

}  // namespace tidemill::services::sagemaker
