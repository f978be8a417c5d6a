#include "services/sagemaker/role_s3.h"

namespace tidemill::services::sagemaker {

Result<void> RoleS3::check(const S3Action& asked) {
  std::string resource = "arn:aws:s3:::" + std::string(asked.bucket);
  if (!asked.key.empty()) resource += "/" + std::string(asked.key);
  iam::ConditionContext conditions;
  if (asked.prefix) conditions["s3:prefix"] = {std::string(*asked.prefix)};
  Result<void> allowed =
      iam_.authorize_role(role_arn_, kRoleSessionName, asked.action, resource, conditions);
  if (allowed || allowed.error().code.starts_with("Tidemill.")) return allowed;
  return fail("AccessDenied", allowed.error().message, 403);
}

}  // namespace tidemill::services::sagemaker
