// For tests: S3 as a role may use it, by what a fake IAM says of each action.
#pragma once

#include <string>

#include "services/iam/interface.h"
#include "services/s3/interface.h"
#include "services/sagemaker/dependencies.h"

namespace tidemill::services::sagemaker {

// Refusals are S3's AccessDenied, their message naming the role, the action and the ARN. Borrows;
// thread-safe.
class RoleS3 final : public s3::S3Interface {
 public:
  RoleS3(s3::S3Interface& s3, iam::IamInterface& iam, std::string role_arn)
      : s3_(s3), iam_(iam), role_arn_(std::move(role_arn)) {}

  bool bucket_exists(std::string_view account, std::string_view bucket) override;
  Result<void> ensure_bucket(std::string_view account, std::string_view region,
                             std::string_view bucket) override;
  Result<s3::ObjectInfo> head_object(std::string_view account, std::string_view bucket,
                                     std::string_view key) override;
  Result<s3::ObjectBody> get_object(std::string_view account, std::string_view bucket,
                                    std::string_view key) override;
  Result<s3::ObjectInfo> get_object_to_file(std::string_view account, std::string_view bucket,
                                            std::string_view key, const std::string& path) override;
  Result<s3::ObjectInfo> put_object(std::string_view account, std::string_view bucket,
                                    std::string_view key, ByteSource& bytes,
                                    const s3::PutOptions& options) override;
  Result<s3::ObjectInfo> put_object_from_file(std::string_view account, std::string_view bucket,
                                              std::string_view key, const std::string& path,
                                              const s3::PutOptions& options) override;
  Result<s3::ObjectPage> list_objects(std::string_view account, std::string_view bucket,
                                      std::string_view prefix, std::string_view after,
                                      std::size_t limit) override;
  Result<void> delete_object(std::string_view account, std::string_view bucket,
                             std::string_view key) override;

 private:
  // `key` is empty for actions on the bucket.
  Result<void> check(std::string_view action, std::string_view bucket, std::string_view key,
                     const iam::ConditionContext& conditions = {});

  s3::S3Interface& s3_;
  iam::IamInterface& iam_;
  const std::string role_arn_;
};

inline Result<void> RoleS3::check(std::string_view action, std::string_view bucket, std::string_view key,
                           const iam::ConditionContext& conditions) {
  std::string resource = "arn:aws:s3:::" + std::string(bucket);
  if (!key.empty()) resource += "/" + std::string(key);
  Result<void> allowed =
      iam_.authorize_role(role_arn_, kRoleSessionName, action, resource, conditions);
  if (allowed || allowed.error().code.starts_with("Tidemill.")) return allowed;
  return fail("AccessDenied", allowed.error().message, 403);
}

inline bool RoleS3::bucket_exists(std::string_view account, std::string_view bucket) {
  return check("s3:ListBucket", bucket, "") && s3_.bucket_exists(account, bucket);
}

inline Result<void> RoleS3::ensure_bucket(std::string_view account, std::string_view region,
                                   std::string_view bucket) {
  TRY(check("s3:CreateBucket", bucket, ""));
  return s3_.ensure_bucket(account, region, bucket);
}

inline Result<s3::ObjectInfo> RoleS3::head_object(std::string_view account, std::string_view bucket,
                                           std::string_view key) {
  TRY(check("s3:GetObject", bucket, key));
  return s3_.head_object(account, bucket, key);
}

inline Result<s3::ObjectBody> RoleS3::get_object(std::string_view account, std::string_view bucket,
                                          std::string_view key) {
  TRY(check("s3:GetObject", bucket, key));
  return s3_.get_object(account, bucket, key);
}

inline Result<s3::ObjectInfo> RoleS3::get_object_to_file(std::string_view account, std::string_view bucket,
                                                  std::string_view key, const std::string& path) {
  TRY(check("s3:GetObject", bucket, key));
  return s3_.get_object_to_file(account, bucket, key, path);
}

inline Result<s3::ObjectInfo> RoleS3::put_object(std::string_view account, std::string_view bucket,
                                          std::string_view key, ByteSource& bytes,
                                          const s3::PutOptions& options) {
  TRY(check("s3:PutObject", bucket, key));
  return s3_.put_object(account, bucket, key, bytes, options);
}

inline Result<s3::ObjectInfo> RoleS3::put_object_from_file(std::string_view account,
                                                    std::string_view bucket, std::string_view key,
                                                    const std::string& path,
                                                    const s3::PutOptions& options) {
  TRY(check("s3:PutObject", bucket, key));
  return s3_.put_object_from_file(account, bucket, key, path, options);
}

inline Result<s3::ObjectPage> RoleS3::list_objects(std::string_view account, std::string_view bucket,
                                            std::string_view prefix, std::string_view after,
                                            std::size_t limit) {
  TRY(check("s3:ListBucket", bucket, "", {{"s3:prefix", {std::string(prefix)}}}));
  return s3_.list_objects(account, bucket, prefix, after, limit);
}

inline Result<void> RoleS3::delete_object(std::string_view account, std::string_view bucket,
                                   std::string_view key) {
  TRY(check("s3:DeleteObject", bucket, key));
  return s3_.delete_object(account, bucket, key);
}

inline S3As s3_as(s3::S3Interface& s3, iam::IamInterface& iam) {
  return [&s3, &iam](const std::string& role) { return std::make_unique<RoleS3>(s3, iam, role); };
}

}  // namespace tidemill::services::sagemaker
