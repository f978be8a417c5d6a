#include "services/sagemaker/common/checked_s3.h"

namespace tidemill::services::sagemaker {

bool CheckedS3::bucket_exists(std::string_view account, std::string_view bucket) {
  return check({"s3:ListBucket", bucket}) && s3_.bucket_exists(account, bucket);
}

Result<void> CheckedS3::ensure_bucket(std::string_view account, std::string_view region,
                                      std::string_view bucket) {
  TRY(check({"s3:CreateBucket", bucket}));
  return s3_.ensure_bucket(account, region, bucket);
}

Result<s3::ObjectInfo> CheckedS3::head_object(std::string_view account, std::string_view bucket,
                                              std::string_view key) {
  TRY(check({"s3:GetObject", bucket, key}));
  return s3_.head_object(account, bucket, key);
}

Result<s3::ObjectBody> CheckedS3::get_object(std::string_view account, std::string_view bucket,
                                             std::string_view key) {
  TRY(check({"s3:GetObject", bucket, key}));
  return s3_.get_object(account, bucket, key);
}

Result<s3::ObjectInfo> CheckedS3::get_object_to_file(std::string_view account,
                                                     std::string_view bucket, std::string_view key,
                                                     const std::string& path) {
  TRY(check({"s3:GetObject", bucket, key}));
  return s3_.get_object_to_file(account, bucket, key, path);
}

Result<s3::ObjectInfo> CheckedS3::put_object(std::string_view account, std::string_view bucket,
                                             std::string_view key, ByteSource& bytes,
                                             const s3::PutOptions& options) {
  TRY(check({"s3:PutObject", bucket, key}));
  return s3_.put_object(account, bucket, key, bytes, options);
}

Result<s3::ObjectInfo> CheckedS3::put_object_from_file(std::string_view account,
                                                       std::string_view bucket,
                                                       std::string_view key,
                                                       const std::string& path,
                                                       const s3::PutOptions& options) {
  TRY(check({"s3:PutObject", bucket, key}));
  return s3_.put_object_from_file(account, bucket, key, path, options);
}

Result<s3::ObjectPage> CheckedS3::list_objects(std::string_view account, std::string_view bucket,
                                               std::string_view prefix, std::string_view after,
                                               std::size_t limit) {
  TRY(check({.action = "s3:ListBucket", .bucket = bucket, .prefix = prefix}));
  return s3_.list_objects(account, bucket, prefix, after, limit);
}

Result<void> CheckedS3::delete_object(std::string_view account, std::string_view bucket,
                                      std::string_view key) {
  TRY(check({"s3:DeleteObject", bucket, key}));
  return s3_.delete_object(account, bucket, key);
}

}  // namespace tidemill::services::sagemaker
