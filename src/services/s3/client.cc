#include "services/s3/client.h"

#include <algorithm>

#include "api/s3/bucket.h"
#include "api/s3/listing.h"
#include "api/s3/object.h"
#include "services/s3/common/body.h"
#include "services/s3/common/files.h"

namespace tidemill::services::s3 {

namespace {

namespace model = api::s3;
namespace op = api::s3::operations;

// A body that its owner keeps.
class Borrowed final : public ByteSource {
 public:
  explicit Borrowed(ByteSource& inner) : inner_(inner) {}
  Result<std::size_t> read(std::span<char> buffer) override { return inner_.read(buffer); }
  std::optional<std::uint64_t> size() const override { return inner_.size(); }
  std::optional<std::string> take_in_memory() override { return inner_.take_in_memory(); }

 private:
  ByteSource& inner_;
};

std::string without_quotes(const std::optional<std::string>& etag) {
  std::string out = etag.value_or("");
  std::erase(out, '"');
  return out;
}

// Makes an ObjectInfo of the output of GetObject or HeadObject.
template <class Output>
ObjectInfo describe(std::string_view key, const Output& output) {
  return {std::string(key),
          std::uint64_t(output.content_length.value_or(0)),
          without_quotes(output.etag),
          output.last_modified.value_or(Timestamp{}),
          output.content_type.value_or(""),
          output.metadata.value_or(std::map<std::string, std::string>())};
}

}  // namespace

template <class Op>
Result<typename Op::Output> S3Client::call(const typename Op::Input& input,
                                           std::unique_ptr<ByteSource> body,
                                           std::unique_ptr<ByteSource>* out) {
  platform::Caller caller = TRY(caller_());
  platform::Reply reply = TRY(
      dispatcher_.call(caller, Op::service(), Op::operation(), to_value(input), std::move(body)));
  typename Op::Output output{};
  TRY(from_value(reply.output, output));
  if (out) *out = std::move(reply.body);
  return output;
}

bool S3Client::bucket_exists(std::string_view, std::string_view bucket) {
  model::HeadBucketRequest request;
  request.bucket = bucket;
  return call<op::HeadBucket>(request).has_value();
}

Result<void> S3Client::ensure_bucket(std::string_view, std::string_view region,
                                     std::string_view bucket) {
  model::CreateBucketRequest request;
  request.bucket = bucket;
  if (region != "us-east-1") {
    model::CreateBucketConfiguration place;
    place.location_constraint = std::string(region);
    request.create_bucket_configuration = std::move(place);
  }
  auto created = call<op::CreateBucket>(request);
  if (!created && created.error().code != "BucketAlreadyOwnedByYou") return fail(created.error());
  return {};
}

Result<ObjectInfo> S3Client::head_object(std::string_view, std::string_view bucket,
                                         std::string_view key) {
  model::HeadObjectRequest request;
  request.bucket = bucket;
  request.key = key;
  return describe(key, TRY(call<op::HeadObject>(request)));
}

Result<ObjectBody> S3Client::get_object(std::string_view, std::string_view bucket,
                                        std::string_view key) {
  model::GetObjectRequest request;
  request.bucket = bucket;
  request.key = key;
  ObjectBody body;
  body.info = describe(key, TRY(call<op::GetObject>(request, nullptr, &body.bytes)));
  if (!body.bytes) body.bytes = std::make_unique<StringSource>("");
  return body;
}

Result<ObjectInfo> S3Client::get_object_to_file(std::string_view account, std::string_view bucket,
                                                std::string_view key, const std::string& path) {
  ObjectBody body = TRY(get_object(account, bucket, key));
  TRY(write_to_file(*body.bytes, path));
  return std::move(body.info);
}

Result<ObjectInfo> S3Client::put_object(std::string_view, std::string_view bucket,
                                        std::string_view key, ByteSource& bytes,
                                        const PutOptions& options) {
  model::PutObjectRequest request;
  request.bucket = bucket;
  request.key = key;
  if (!options.content_type.empty()) request.content_type = options.content_type;
  if (!options.metadata.empty()) request.metadata = options.metadata;
  ObjectInfo info{std::string(key),     bytes.size().value_or(0), {}, {},
                  options.content_type, options.metadata};
  info.etag =
      without_quotes(TRY(call<op::PutObject>(request, std::make_unique<Borrowed>(bytes))).etag);
  return info;
}

Result<ObjectInfo> S3Client::put_object_from_file(std::string_view account, std::string_view bucket,
                                                  std::string_view key, const std::string& path,
                                                  const PutOptions& options) {
  std::unique_ptr<ByteSource> source = TRY(open_file(path));
  return put_object(account, bucket, key, *source, options);
}

Result<ObjectPage> S3Client::list_objects(std::string_view, std::string_view bucket,
                                          std::string_view prefix, std::string_view after,
                                          std::size_t limit) {
  model::ListObjectsV2Request request;
  request.bucket = bucket;
  if (!prefix.empty()) request.prefix = std::string(prefix);
  if (!after.empty()) request.start_after = std::string(after);
  request.max_keys = std::int64_t(limit);
  model::ListObjectsV2Output listed = TRY(call<op::ListObjectsV2>(request));
  ObjectPage page;
  for (model::Object& object : listed.contents.value_or(std::vector<model::Object>()))
    page.objects.push_back({std::move(object.key).value_or(""),
                            std::uint64_t(object.size.value_or(0)),
                            without_quotes(object.etag),
                            object.last_modified.value_or(Timestamp{}),
                            {},
                            {}});
  if (listed.is_truncated.value_or(false) && !page.objects.empty())
    page.next = page.objects.back().key;
  return page;
}

Result<void> S3Client::delete_object(std::string_view, std::string_view bucket,
                                     std::string_view key) {
  model::DeleteObjectRequest request;
  request.bucket = bucket;
  request.key = key;
  auto deleted = call<op::DeleteObject>(request);
  if (!deleted) return fail(deleted.error());
  return {};
}

}  // namespace tidemill::services::s3
