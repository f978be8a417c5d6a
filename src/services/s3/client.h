// S3 as a principal may use it, for what the server does on somebody's behalf: each call goes
// through the dispatcher, so the principal's policies decide and the call is counted.
#pragma once

#include <functional>
#include <string>

#include "services/platform/dispatcher/dispatcher.h"
#include "services/s3/interface.h"

namespace tidemill::services::s3 {

// Errors are as clients see them; a refusal's message names the role, the action and the ARN. The
// `account` of each call is not used: the caller's own counts. Borrows the dispatcher; thread-safe.
class S3Client final : public S3Interface {
 public:
  // `caller` is asked before each call, since a role may go while a job runs.
  using FindCaller = std::function<Result<platform::Caller>()>;
  S3Client(platform::Dispatcher& dispatcher, FindCaller caller)
      : dispatcher_(dispatcher), caller_(std::move(caller)) {}

  bool bucket_exists(std::string_view account, std::string_view bucket) override;
  Result<void> ensure_bucket(std::string_view account, std::string_view region,
                             std::string_view bucket) override;
  Result<ObjectInfo> head_object(std::string_view account, std::string_view bucket,
                                 std::string_view key) override;
  Result<ObjectBody> get_object(std::string_view account, std::string_view bucket,
                                std::string_view key) override;
  Result<ObjectInfo> get_object_to_file(std::string_view account, std::string_view bucket,
                                        std::string_view key, const std::string& path) override;
  Result<ObjectInfo> put_object(std::string_view account, std::string_view bucket,
                                std::string_view key, ByteSource& bytes,
                                const PutOptions& options) override;
  Result<ObjectInfo> put_object_from_file(std::string_view account, std::string_view bucket,
                                          std::string_view key, const std::string& path,
                                          const PutOptions& options) override;
  // The objects have no content type and no metadata.
  Result<ObjectPage> list_objects(std::string_view account, std::string_view bucket,
                                  std::string_view prefix, std::string_view after,
                                  std::size_t limit) override;
  Result<void> delete_object(std::string_view account, std::string_view bucket,
                             std::string_view key) override;

 private:
  template <class Op>
  Result<typename Op::Output> call(const typename Op::Input& input,
                                   std::unique_ptr<ByteSource> body = nullptr,
                                   std::unique_ptr<ByteSource>* out = nullptr);

  platform::Dispatcher& dispatcher_;
  const FindCaller caller_;
};

}  // namespace tidemill::services::s3
