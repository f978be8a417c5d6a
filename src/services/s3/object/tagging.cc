#include "services/s3/common/acl.h"
#include "services/s3/common/register.h"
#include "services/s3/common/tags.h"
#include "services/s3/object/object.h"
#include "services/s3/object/properties.h"

namespace tidemill::services::s3 {

namespace {

template <class Request>
Result<std::shared_ptr<Bucket>> bucket_of(Core& core, const Context& context,
                                          const Request& request) {
  TRY(check_version_id(request.version_id));
  return core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner);
}

Result<model::GetObjectTaggingOutput> get_object_tagging(
    Core& core, Context& context, const model::GetObjectTaggingRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  StoredObjectPtr object =
      TRY(require_object(core, context, *bucket, request.key, request.version_id));
  model::GetObjectTaggingOutput output;
  output.version_id = version_of(*bucket, object->record);
  output.tag_set = to_tags(object->record.tags);
  return output;
}

Result<model::PutObjectTaggingOutput> put_object_tagging(
    Core& core, Context& context, const model::PutObjectTaggingRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  if (!request.tagging) return fail(malformed_xml());
  auto tags = TRY(check_tags(request.tagging->tag_set, limits::object_tags_max));
  auto change = [&](ObjectRecord& object) -> Result<void> {
    object.tags = tags;
    return {};
  };
  return model::PutObjectTaggingOutput{
      TRY(core.objects.update(*bucket, request.key, request.version_id, change)).version_id};
}

Result<model::DeleteObjectTaggingOutput> delete_object_tagging(
    Core& core, Context& context, const model::DeleteObjectTaggingRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  auto change = [](ObjectRecord& object) -> Result<void> {
    object.tags.reset();
    return {};
  };
  return model::DeleteObjectTaggingOutput{
      TRY(core.objects.update(*bucket, request.key, request.version_id, change)).version_id};
}

Result<model::GetObjectAclOutput> get_object_acl(Core& core, Context& context,
                                                 const model::GetObjectAclRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  StoredObjectPtr object =
      TRY(require_object(core, context, *bucket, request.key, request.version_id));
  const bool counts = allows_acls(*core.buckets.record(*bucket));
  const AclRecord acl = acl_or_default(counts ? object->record.acl : std::nullopt, bucket->account);
  model::GetObjectAclOutput output;
  output.owner.ensure() = owner_of(acl.owner);
  output.grants = describe_grants(acl);
  return output;
}

Result<model::PutObjectAclOutput> put_object_acl(Core& core, Context& context,
                                                 const model::PutObjectAclRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  TRY(require_object(core, context, *bucket, request.key, request.version_id));
  const auto record = core.buckets.record(*bucket);
  auto change = [&](ObjectRecord& object) -> Result<void> {
    AclRecord acl =
        TRY(make_acl(*record, AclOf::object, owner_account(object, *bucket), wanted_acl(request)));
    if (allows_acls(*record)) object.acl = std::move(acl);
    return {};
  };
  TRY(core.objects.update(*bucket, request.key, request.version_id, change));
  return model::PutObjectAclOutput{};
}

}  // namespace

void add_object_tagging_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::GetObjectTagging>(registry, core, get_object_tagging);
  add<op::PutObjectTagging>(registry, core, put_object_tagging);
  add<op::DeleteObjectTagging>(registry, core, delete_object_tagging);
  add<op::GetObjectAcl>(registry, core, get_object_acl);
  add<op::PutObjectAcl>(registry, core, put_object_acl);
}

}  // namespace tidemill::services::s3
