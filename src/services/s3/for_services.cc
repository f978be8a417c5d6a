// S3Interface: what the other services call, made of the same pieces as the handlers.
#include <memory>

#include "services/s3/bucket/bucket.h"
#include "services/s3/common/body.h"
#include "services/s3/common/files.h"
#include "services/s3/common/register.h"
#include "services/s3/listing/lister.h"
#include "services/s3/object/object.h"
#include "services/s3/object/properties.h"
#include "services/s3/s3_service.h"

namespace tidemill::services::s3 {

namespace {

ObjectInfo describe(std::string_view key, const ObjectRecord& object) {
  ObjectInfo info{std::string(key),
                  object.size,
                  object.etag,
                  object.modified,
                  std::string(kDefaultContentType),
                  {}};
  if (object.headers) {
    auto type = object.headers->find("Content-Type");
    if (type != object.headers->end()) info.content_type = type->second;
  }
  if (object.metadata) info.metadata = *object.metadata;
  return info;
}

template <class T>
Result<T> in_s3_terms(Result<T> result) {
  if (!result) return fail(to_s3_error(std::move(result).error()));
  return result;
}

Result<ObjectInfo> put(Core& core, std::string_view account, std::string_view bucket_name,
                       std::string_view key, ByteSource& bytes, const PutOptions& options) {
  auto bucket = TRY(core.buckets.require_own(account, bucket_name));
  TRY(check_key(key));
  TRY(check_metadata(options.metadata));
  ReceivedBody body = TRY(receive_body(core.blobs, nullptr, &bytes, {}));
  ObjectRecord object;
  if (!options.content_type.empty())
    object.headers.emplace()["Content-Type"] = options.content_type;
  if (!options.metadata.empty()) object.metadata = options.metadata;
  object.size = body.blob.size_bytes;
  object.etag = std::move(body.md5);
  object.modified = core.clock.now();
  object.checksum = std::move(body.checksum);
  if (object.size > 0) object.blob = std::move(body.blob);
  ObjectInfo info = describe(key, object);
  TRY(core.objects.replace(*bucket, key, std::move(object)));
  return info;
}

Result<ObjectBody> get(Core& core, std::string_view account, std::string_view bucket_name,
                       std::string_view key) {
  auto bucket = TRY(core.buckets.require_own(account, bucket_name));
  OpenedObject opened = TRY(open_version(core, *bucket, key, std::nullopt,
                                         [&](const ObjectRecord& object) -> Result<ByteRange> {
                                           TRY(check_readable(object, core.clock.now()));
                                           return ByteRange{0, object.size};
                                         }));
  return ObjectBody{describe(key, opened.object->record), std::move(opened.bytes)};
}

Result<ObjectInfo> get_to_file(Core& core, std::string_view account, std::string_view bucket,
                               std::string_view key, const std::string& path) {
  ObjectBody body = TRY(get(core, account, bucket, key));
  TRY(write_to_file(*body.bytes, path));
  return std::move(body.info);
}

Result<ObjectPage> list(Core& core, std::string_view account, std::string_view bucket_name,
                        std::string_view prefix, std::string_view after, std::size_t limit) {
  auto bucket = TRY(core.buckets.require_own(account, bucket_name));
  ListQuery query{bucket->name, std::string(prefix), "", std::string(after),
                  std::int64_t(std::min<std::size_t>(limit, limits::list_keys_max))};
  ListResult listed = TRY(list_keys(core, query));
  ObjectPage page;
  for (const ListEntry& entry : listed.objects)
    page.objects.push_back(describe(entry.key, entry.object));
  if (listed.truncated) page.next = listed.last;
  return page;
}

}  // namespace

Result<S3Uri> parse_s3_uri(std::string_view text) {
  constexpr std::string_view kScheme = "s3://";
  std::string_view rest = text;
  if (!rest.starts_with(kScheme))
    return fail(codes::kInvalid, "'" + std::string(text) + "' is no S3 URI: s3://bucket/key");
  rest.remove_prefix(kScheme.size());
  std::size_t slash = rest.find('/');
  S3Uri uri{std::string(rest.substr(0, slash)),
            slash == std::string_view::npos ? "" : std::string(rest.substr(slash + 1))};
  if (uri.bucket.empty())
    return fail(codes::kInvalid, "'" + std::string(text) + "' names no bucket: s3://bucket/key");
  return uri;
}

bool S3Service::bucket_exists(std::string_view account, std::string_view bucket) {
  return core_->buckets.require_own(account, bucket).has_value();
}

Result<void> S3Service::ensure_bucket(std::string_view account, std::string_view region,
                                      std::string_view bucket) {
  if (bucket_exists(account, bucket)) return {};
  BucketRecord record{std::string(bucket), std::string(account), std::string(region),
                      core_->clock.now(), std::nullopt};
  Result<void> created = core_->buckets.create(std::move(record));
  if (!created && created.error().code == "BucketAlreadyOwnedByYou") return {};
  return in_s3_terms(std::move(created));
}

Result<ObjectInfo> S3Service::head_object(std::string_view account, std::string_view bucket,
                                          std::string_view key) {
  auto find = [&]() -> Result<ObjectInfo> {
    auto of = TRY(core_->buckets.require_own(account, bucket));
    StoredObjectPtr object = TRY(core_->objects.require(*of, key));
    return describe(key, object->record);
  };
  return in_s3_terms(find());
}

Result<ObjectBody> S3Service::get_object(std::string_view account, std::string_view bucket,
                                         std::string_view key) {
  return in_s3_terms(get(*core_, account, bucket, key));
}

Result<ObjectInfo> S3Service::get_object_to_file(std::string_view account, std::string_view bucket,
                                                 std::string_view key, const std::string& path) {
  return in_s3_terms(get_to_file(*core_, account, bucket, key, path));
}

Result<ObjectInfo> S3Service::put_object(std::string_view account, std::string_view bucket,
                                         std::string_view key, ByteSource& bytes,
                                         const PutOptions& options) {
  return in_s3_terms(put(*core_, account, bucket, key, bytes, options));
}

Result<ObjectInfo> S3Service::put_object_from_file(std::string_view account,
                                                   std::string_view bucket, std::string_view key,
                                                   const std::string& path,
                                                   const PutOptions& options) {
  auto put_file = [&]() -> Result<ObjectInfo> {
    std::unique_ptr<ByteSource> source = TRY(open_file(path));
    return put(*core_, account, bucket, key, *source, options);
  };
  return in_s3_terms(put_file());
}

Result<ObjectPage> S3Service::list_objects(std::string_view account, std::string_view bucket,
                                           std::string_view prefix, std::string_view after,
                                           std::size_t limit) {
  return in_s3_terms(list(*core_, account, bucket, prefix, after, limit));
}

Result<void> S3Service::delete_object(std::string_view account, std::string_view bucket,
                                      std::string_view key) {
  auto erase = [&]() -> Result<void> {
    auto of = TRY(core_->buckets.require_own(account, bucket));
    TRY(core_->objects.erase(*of, {{std::string(key)}}));
    return {};
  };
  return in_s3_terms(erase());
}

}  // namespace tidemill::services::s3
