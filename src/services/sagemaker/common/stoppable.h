// Long work that can be cancelled: because its job was stopped, or because the server is
// stopping.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>

#include "base/byte_stream.h"
#include "services/sagemaker/common/checked_s3.h"

namespace tidemill::services::sagemaker {

// Checked between two pieces of work, so it is cheap. For one thread at a time.
class StopCheck {
 public:
  // `requested` (empty: never) reads the record; it is called at most a few times a second. Work
  // continues for `grace` after it first returned true, so that nearly finished work is kept; a
  // stopped token allows no grace.
  explicit StopCheck(std::stop_token token, std::function<bool()> requested = {},
                     std::chrono::milliseconds grace = {})
      : token_(std::move(token)), requested_(std::move(requested)), grace_(grace) {}
  bool stopped();
  // Fails with Tidemill.Cancelled once stopped.
  Result<void> check();

 private:
  using Steady = std::chrono::steady_clock;
  std::stop_token token_;
  std::function<bool()> requested_;
  std::chrono::milliseconds grace_;
  Steady::time_point asked_{};
  std::optional<Steady::time_point> requested_at_;
};

// S3 whose calls and transfers fail with Tidemill.Cancelled once stopped. Borrows both arguments.
class StoppableS3 final : public CheckedS3 {
 public:
  StoppableS3(s3::S3Interface& s3, StopCheck& stop) : CheckedS3(s3), stop_(stop) {}

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

  StopCheck& stop_;
};

}  // namespace tidemill::services::sagemaker
