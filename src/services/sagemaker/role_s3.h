// S3 as a role may use it: what the server reads and writes on behalf of a job or a model is held
// to the policies of the role that it was given, as if the role had made the calls.
#pragma once

#include <string>

#include "services/iam/interface.h"
#include "services/sagemaker/checked_s3.h"

namespace tidemill::services::sagemaker {

// The session's name in the messages of refusals and in policies' aws:userid.
inline constexpr const char* kRoleSessionName = "SageMaker";

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

}  // namespace tidemill::services::sagemaker
