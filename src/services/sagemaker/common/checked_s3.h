// S3 with a check before each call: the one class that forwards S3Interface.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "services/s3/interface.h"

namespace tidemill::services::sagemaker {

// The action of a call, in the terms of policies.
struct S3Action {
  std::string_view action;  // "s3:GetObject"
  std::string_view bucket;
  std::string_view key = {};  // empty for actions on the bucket
  // The prefix of a listing; a check whether the bucket exists has none.
  std::optional<std::string_view> prefix = std::nullopt;
};

// Borrows the S3Interface that it forwards to. Thread-safe if check() is.
class CheckedS3 : public s3::S3Interface {
 public:
  explicit CheckedS3(s3::S3Interface& s3) : s3_(s3) {}

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

 protected:
  // An error ends the call before it does anything.
  virtual Result<void> check(const S3Action& asked) = 0;
  s3::S3Interface& forwarded() { return s3_; }

 private:
  s3::S3Interface& s3_;
};

}  // namespace tidemill::services::sagemaker
