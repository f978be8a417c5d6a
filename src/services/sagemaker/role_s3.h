// S3 as a role may use it: what the server reads and writes on behalf of a job or a model is held
// to the policies of the role that it was given, as if the role had made the calls.
#pragma once

#include <string>

#include "services/iam/interface.h"
#include "services/s3/interface.h"

namespace tidemill::services::sagemaker {

// The session's name in the messages of refusals and in policies' aws:userid.
inline constexpr const char* kRoleSessionName = "SageMaker";

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

}  // namespace tidemill::services::sagemaker
