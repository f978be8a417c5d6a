// Transfers to and from S3 that end when their work is cancelled.
#pragma once

#include <string>
#include <string_view>

#include "base/byte_stream.h"
#include "services/platform/cancellation/stop_check.h"
#include "services/sagemaker/common/checked_s3.h"

namespace tidemill::services::sagemaker {

// S3 whose calls and transfers fail with Tidemill.Cancelled once stopped. Borrows both arguments.
class StoppableS3 final : public CheckedS3 {
 public:
  StoppableS3(s3::S3Interface& s3, platform::StopCheck& stop) : CheckedS3(s3), stop_(stop) {}

  // Reading the body fails in the same way; the body must not outlive this object.
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

 private:
  Result<void> check(const S3Action&) override { return stop_.check(); }

  platform::StopCheck& stop_;
};

}  // namespace tidemill::services::sagemaker
