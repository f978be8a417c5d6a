#include "services/sagemaker/common/stoppable.h"

#include "services/platform/archives/archive.h"

namespace tidemill::services::sagemaker {

namespace {

class StoppableSource final : public ByteSource {
 public:
  StoppableSource(std::unique_ptr<ByteSource> owned, platform::StopCheck& stop)
      : owned_(std::move(owned)), inner_(*owned_), stop_(stop) {}
  StoppableSource(ByteSource& inner, platform::StopCheck& stop) : inner_(inner), stop_(stop) {}
  Result<std::size_t> read(std::span<char> buffer) override {
    TRY(stop_.check());
    return inner_.read(buffer);
  }
  std::optional<std::uint64_t> size() const override { return inner_.size(); }
  std::optional<std::string> take_in_memory() override { return inner_.take_in_memory(); }

 private:
  std::unique_ptr<ByteSource> owned_;
  ByteSource& inner_;
  platform::StopCheck& stop_;
};

// When a body ends this way, S3 reports an error of its own; this restores Tidemill.Cancelled.
template <class T>
Result<T> or_cancelled(Result<T> result, platform::StopCheck& stop) {
  if (!result) TRY(stop.check());
  return result;
}

}  // namespace

Result<s3::ObjectBody> StoppableS3::get_object(std::string_view account, std::string_view bucket,
                                               std::string_view key) {
  s3::ObjectBody body = TRY(CheckedS3::get_object(account, bucket, key));
  body.bytes = std::make_unique<StoppableSource>(std::move(body.bytes), stop_);
  return body;
}

Result<s3::ObjectInfo> StoppableS3::get_object_to_file(std::string_view account,
                                                       std::string_view bucket,
                                                       std::string_view key,
                                                       const std::string& path) {
  s3::ObjectBody body = TRY(get_object(account, bucket, key));
  TRY(platform::write_file(path, *body.bytes));
  return std::move(body.info);
}

Result<s3::ObjectInfo> StoppableS3::put_object(std::string_view account, std::string_view bucket,
                                               std::string_view key, ByteSource& bytes,
                                               const s3::PutOptions& options) {
  TRY(stop_.check());
  StoppableSource source(bytes, stop_);
  return or_cancelled(forwarded().put_object(account, bucket, key, source, options), stop_);
}

Result<s3::ObjectInfo> StoppableS3::put_object_from_file(std::string_view account,
                                                         std::string_view bucket,
                                                         std::string_view key,
                                                         const std::string& path,
                                                         const s3::PutOptions& options) {
  std::unique_ptr<ByteSource> file = TRY(platform::open_file_source(path));
  return put_object(account, bucket, key, *file, options);
}

}  // namespace tidemill::services::sagemaker
