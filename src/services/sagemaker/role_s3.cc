#include "services/sagemaker/role_s3.h"

namespace tidemill::services::sagemaker {

Result<void> RoleS3::check(std::string_view action, std::string_view bucket, std::string_view key,
                           const iam::ConditionContext& conditions) {
  std::string resource = "arn:aws:s3:::" + std::string(bucket);
  if (!key.empty()) resource += "/" + std::string(key);
  Result<void> allowed =
      iam_.authorize_role(role_arn_, kRoleSessionName, action, resource, conditions);
  if (allowed || allowed.error().code.starts_with("Tidemill.")) return allowed;
  return fail("AccessDenied", allowed.error().message, 403);
}

bool RoleS3::bucket_exists(std::string_view account, std::string_view bucket) {
  return check("s3:ListBucket", bucket, "") && s3_.bucket_exists(account, bucket);
}

Result<void> RoleS3::ensure_bucket(std::string_view account, std::string_view region,
                                   std::string_view bucket) {
  TRY(check("s3:CreateBucket", bucket, ""));
  return s3_.ensure_bucket(account, region, bucket);
}

Result<s3::ObjectInfo> RoleS3::head_object(std::string_view account, std::string_view bucket,
                                           std::string_view key) {
  TRY(check("s3:GetObject", bucket, key));
  return s3_.head_object(account, bucket, key);
}

Result<s3::ObjectBody> RoleS3::get_object(std::string_view account, std::string_view bucket,
                                          std::string_view key) {
  TRY(check("s3:GetObject", bucket, key));
  return s3_.get_object(account, bucket, key);
}

Result<s3::ObjectInfo> RoleS3::get_object_to_file(std::string_view account, std::string_view bucket,
                                                  std::string_view key, const std::string& path) {
  TRY(check("s3:GetObject", bucket, key));
  return s3_.get_object_to_file(account, bucket, key, path);
}

Result<s3::ObjectInfo> RoleS3::put_object(std::string_view account, std::string_view bucket,
                                          std::string_view key, ByteSource& bytes,
                                          const s3::PutOptions& options) {
  TRY(check("s3:PutObject", bucket, key));
  return s3_.put_object(account, bucket, key, bytes, options);
}

Result<s3::ObjectInfo> RoleS3::put_object_from_file(std::string_view account,
                                                    std::string_view bucket, std::string_view key,
                                                    const std::string& path,
                                                    const s3::PutOptions& options) {
  TRY(check("s3:PutObject", bucket, key));
  return s3_.put_object_from_file(account, bucket, key, path, options);
}

Result<s3::ObjectPage> RoleS3::list_objects(std::string_view account, std::string_view bucket,
                                            std::string_view prefix, std::string_view after,
                                            std::size_t limit) {
  TRY(check("s3:ListBucket", bucket, "", {{"s3:prefix", {std::string(prefix)}}}));
  return s3_.list_objects(account, bucket, prefix, after, limit);
}

Result<void> RoleS3::delete_object(std::string_view account, std::string_view bucket,
                                   std::string_view key) {
  TRY(check("s3:DeleteObject", bucket, key));
  return s3_.delete_object(account, bucket, key);
}

}  // namespace tidemill::services::sagemaker
