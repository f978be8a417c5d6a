#include "services/s3/common/register.h"
#include "services/s3/object/conditions.h"
#include "services/s3/object/object.h"
#include "services/s3/object/properties.h"

namespace tidemill::services::s3 {

namespace {

// An entry of DeleteObjects that is refused; the others go on.
model::Error refused(const model::ObjectIdentifier& identifier, const tidemill::Error& error) {
  model::Error entry;
  entry.key = identifier.key;
  entry.version_id = identifier.version_id;
  entry.code = error.code;
  entry.message = error.message;
  return entry;
}

}  // namespace

Result<model::DeleteObjectOutput> delete_object(Core& core, Context& context,
                                                const model::DeleteObjectRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  TRY(check_version_id(request.version_id));
  if (request.if_match_last_modified_time || request.if_match_size)
    return fail(
        not_implemented("General purpose buckets delete by If-Match only, not by size or time."));
  ObjectIndex::Condition condition =
      TRY(write_condition(request.if_match, std::nullopt, request.key));
  TRY(core.objects.erase(*bucket, {request.key}, condition));
  return model::DeleteObjectOutput{};
}

Result<model::DeleteObjectsOutput> delete_objects(Core& core, Context& context,
                                                  const model::DeleteObjectsRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  if (!request.delete_ || request.delete_->objects.empty() ||
      request.delete_->objects.size() > limits::delete_keys_max)
    return fail(malformed_xml());
  bool quiet = request.delete_->quiet.value_or(false);
  model::DeleteObjectsOutput output;
  std::vector<model::DeletedObject> deleted;
  std::vector<model::Error> errors;
  std::vector<std::string> together;
  auto record_deleted = [&](const model::ObjectIdentifier& identifier) {
    model::DeletedObject entry;
    entry.key = identifier.key;
    entry.version_id = identifier.version_id;
    if (!quiet) deleted.push_back(std::move(entry));
  };
  for (const model::ObjectIdentifier& identifier : request.delete_->objects) {
    if (Result<void> valid = check_version_id(identifier.version_id); !valid) {
      errors.push_back(
          refused(identifier, {"NoSuchVersion", "The specified version does not exist."}));
    } else if (identifier.etag) {
      // Conditions hold for one object at a time.
      auto condition = TRY(write_condition(identifier.etag, std::nullopt, identifier.key));
      Result<void> erased = core.objects.erase(*bucket, {identifier.key}, condition);
      if (erased)
        record_deleted(identifier);
      else
        errors.push_back(refused(identifier, to_s3_error(erased.error())));
    } else {
      together.push_back(identifier.key);
      record_deleted(identifier);
    }
  }
  TRY(core.objects.erase(*bucket, together));
  if (!deleted.empty()) output.deleted = std::move(deleted);
  if (!errors.empty()) output.errors_ = std::move(errors);
  return output;
}

}  // namespace tidemill::services::s3
