#include "base/encoding.h"
#include "services/s3/common/acl.h"
#include "services/s3/common/body.h"
#include "services/s3/common/register.h"
#include "services/s3/lifecycle/expiry.h"
#include "services/s3/object/conditions.h"
#include "services/s3/object/lock.h"
#include "services/s3/object/object.h"
#include "services/s3/object/properties.h"

namespace tidemill::services::s3 {

Result<model::PutObjectOutput> put_object(Core& core, Context& context,
                                          const model::PutObjectRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  TRY(check_key(request.key));
  TRY(refuse_unsupported(request));
  if (request.write_offset_bytes)
    return fail(not_implemented("Objects of general purpose buckets cannot be appended to."));
  ObjectIndex::Condition condition =
      TRY(write_condition(request.if_match, request.if_none_match, request.key));
  ObjectRecord object;
  static_cast<ObjectProperties&>(object) = TRY(properties_of(request));
  const auto record = core.buckets.record(*bucket);
  object.acl = TRY(acl_of_new_object(*record, context.account(), wanted_acl(request)));
  const WantedLock lock = wanted_lock(request);
  object.lock = TRY(lock_of_new_version(*record, lock, core.clock.now()));
  if (lock.any() && !request.content_md5 && given_checksums(request).empty() &&
      !context.header("x-amz-trailer"))
    return fail(
        invalid_request("Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object "
                        "requests with Object Lock parameters"));
  // A conditional write that cannot succeed is refused before its body is read.
  if (condition) {
    StoredObjectPtr there = TRY(core.objects.find(*bucket, request.key));
    TRY(condition(there ? &there->record : nullptr));
  }
  ReceivedBody body = TRY(receive_body(
      core.blobs, &context, context.body.get(),
      {request.content_md5, given_checksums(request), request.checksum_algorithm, std::nullopt}));
  object.size = body.blob.size_bytes;
  object.etag = std::move(body.md5);
  object.modified = core.clock.now();
  object.checksum = std::move(body.checksum);
  if (object.size > 0) object.blob = std::move(body.blob);

  model::PutObjectOutput output;
  output.etag = quoted_etag(object);
  set_checksum(output, object.checksum);
  output.expiration = expiration_header(core, *bucket, request.key, object);
  output.version_id =
      TRY(core.objects.replace(*bucket, request.key, std::move(object), condition)).version_id;
  return output;
}

}  // namespace tidemill::services::s3
