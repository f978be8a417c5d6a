#include "services/s3/common/register.h"
#include "services/s3/object/conditions.h"
#include "services/s3/object/lock.h"
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

model::DeletedObject describe(const model::ObjectIdentifier& identifier, const Deleted& deleted) {
  model::DeletedObject entry;
  entry.key = identifier.key;
  entry.version_id = identifier.version_id;
  if (deleted.delete_marker) {
    entry.delete_marker = true;
    entry.delete_marker_version_id = deleted.version_id;
  }
  return entry;
}

// AccessDenied when the caller may not delete this one of the keys.
Result<void> check_allowed(const Core& core, const Context& context, const std::string& bucket,
                           const model::ObjectIdentifier& identifier) {
  if (!core.item_check) return {};
  const std::string version = identifier.version_id.value_or("");
  ValueObject input;
  input.append("Bucket", bucket);
  input.append("Key", identifier.key);
  if (!version.empty()) input.append("VersionId", version);
  Result<void> allowed =
      core.item_check(context, version.empty() ? "s3:DeleteObject" : "s3:DeleteObjectVersion",
                      "arn:aws:s3:::" + bucket + "/" + identifier.key, Value(std::move(input)));
  if (!allowed && !allowed.error().code.starts_with("Tidemill."))
    allowed.error().code = "AccessDenied";
  return allowed;
}

std::function<Result<void>(const ObjectRecord&)> guard(const Core& core, bool bypass) {
  return [now = core.clock.now(), bypass](const ObjectRecord& version) {
    return check_unlocked(version, now, bypass);
  };
}

// Returns the objects that were deleted, and adds the others to `errors`.
Result<std::vector<model::DeletedObject>> erase_each(
    Core& core, const Context& context, Bucket& bucket,
    const std::vector<const model::ObjectIdentifier*>& identifiers,
    const std::optional<bool>& bypass_asked, std::vector<model::Error>& errors) {
  std::vector<const model::ObjectIdentifier*> named;  // as `deletions`
  std::vector<ObjectIndex::Deletion> deletions;
  for (const model::ObjectIdentifier* identifier : identifiers) {
    if (Result<void> valid = check_version_id(identifier->version_id); !valid) {
      errors.push_back(
          refused(*identifier, {"NoSuchVersion", "The specified version does not exist."}));
    } else if (identifier->size || identifier->last_modified_time) {
      errors.push_back(
          refused(*identifier,
                  not_implemented("General purpose buckets delete by ETag only, not by size or "
                                  "time.")));
    } else {
      named.push_back(identifier);
      deletions.push_back({identifier->key, identifier->version_id,
                           TRY(write_condition(identifier->etag, std::nullopt, identifier->key)),
                           guard(core, may_bypass_governance(core, context, bucket.name,
                                                             identifier->key, bypass_asked))});
    }
  }
  std::vector<model::DeletedObject> deleted;
  const std::vector<Result<Deleted>> outcomes = TRY(core.objects.erase(bucket, deletions));
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i])
      deleted.push_back(describe(*named[i], *outcomes[i]));
    else
      errors.push_back(refused(*named[i], to_s3_error(outcomes[i].error())));
  }
  return deleted;
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
  const bool bypass = may_bypass_governance(core, context, request.bucket, request.key,
                                            request.bypass_governance_retention);
  std::vector<Result<Deleted>> outcomes = TRY(core.objects.erase(
      *bucket, {{request.key, request.version_id, std::move(condition), guard(core, bypass)}}));
  const Deleted deleted = TRY(std::move(outcomes.front()));
  model::DeleteObjectOutput output;
  output.version_id = deleted.version_id;
  if (deleted.delete_marker) output.delete_marker = true;
  return output;
}

Result<model::DeleteObjectsOutput> delete_objects(Core& core, Context& context,
                                                  const model::DeleteObjectsRequest& request) {
  if (!request.delete_ || request.delete_->objects.empty() ||
      request.delete_->objects.size() > limits::delete_keys_max)
    return fail(malformed_xml());
  std::vector<model::Error> errors;
  std::vector<const model::ObjectIdentifier*> allowed;
  for (const model::ObjectIdentifier& identifier : request.delete_->objects) {
    Result<void> may = check_allowed(core, context, request.bucket, identifier);
    if (may)
      allowed.push_back(&identifier);
    else
      errors.push_back(refused(identifier, to_s3_error(may.error())));
  }
  model::DeleteObjectsOutput output;
  // Callers who may delete nothing learn nothing of the bucket, either.
  if (!allowed.empty()) {
    auto bucket =
        TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
    std::vector<model::DeletedObject> deleted = TRY(
        erase_each(core, context, *bucket, allowed, request.bypass_governance_retention, errors));
    if (!deleted.empty() && !request.delete_->quiet.value_or(false))
      output.deleted = std::move(deleted);
  }
  if (!errors.empty()) output.errors_ = std::move(errors);
  return output;
}

}  // namespace tidemill::services::s3
