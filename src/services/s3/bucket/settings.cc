// Tags, versioning and access: what decides how a bucket's objects are treated.
#include "services/s3/bucket/bucket.h"
#include "services/s3/common/acl.h"
#include "services/s3/common/register.h"
#include "services/s3/common/tags.h"

namespace tidemill::services::s3 {

namespace {

using api::Empty;

template <class Request>
Result<std::shared_ptr<Bucket>> bucket_of(Core& core, const Context& context,
                                          const Request& request) {
  return core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner);
}

Result<Empty> put_bucket_tagging(Core& core, Context& context,
                                 const model::PutBucketTaggingRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  if (!request.tagging) return fail(malformed_xml());
  auto tags = TRY(check_tags(request.tagging->tag_set, limits::bucket_tags_max));
  TRY(core.buckets.change(*bucket, [&](BucketRecord& record) -> Result<void> {
    record.tags = std::move(tags);
    return {};
  }));
  context.response_status = 204;
  return Empty{};
}

Result<model::GetBucketTaggingOutput> get_bucket_tagging(
    Core& core, Context& context, const model::GetBucketTaggingRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  const auto record = core.buckets.record(*bucket);
  const auto& tags = record->tags;
  if (!tags || tags->empty())
    return fail(
        Error{"NoSuchTagSet", "The TagSet does not exist", 404, {{"BucketName", bucket->name}}});
  return model::GetBucketTaggingOutput{to_tags(tags)};
}

Result<Empty> delete_bucket_tagging(Core& core, Context& context,
                                    const model::DeleteBucketTaggingRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  TRY(core.buckets.change(*bucket, [](BucketRecord& record) -> Result<void> {
    record.tags.reset();
    return {};
  }));
  return Empty{};
}

Result<Empty> put_bucket_versioning(Core& core, Context& context,
                                    const model::PutBucketVersioningRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  if (!request.versioning_configuration) return fail(malformed_xml());
  const model::VersioningConfiguration& wanted = *request.versioning_configuration;
  if (wanted.mfa_delete && *wanted.mfa_delete != "Disabled")
    return fail(not_implemented("Tidemill has no MFA devices: leave out MfaDelete."));
  if (!wanted.status)
    return fail(Error{"IllegalVersioningConfigurationException",
                      "The Versioning element must be specified", 400});
  if (*wanted.status != "Enabled" && *wanted.status != "Suspended") return fail(malformed_xml());
  TRY(core.buckets.change(*bucket, [&](BucketRecord& record) -> Result<void> {
    if (record.object_lock && *wanted.status == "Suspended")
      return fail(Error{"InvalidBucketState",
                        "An Object Lock configuration is present on this bucket, so the versioning "
                        "state cannot be changed.",
                        409});
    record.versioning = *wanted.status;
    return {};
  }));
  return Empty{};
}

Result<model::GetBucketVersioningOutput> get_bucket_versioning(
    Core& core, Context& context, const model::GetBucketVersioningRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  model::GetBucketVersioningOutput output;
  output.status = core.buckets.record(*bucket)->versioning;
  return output;
}

Result<model::GetBucketAclOutput> get_bucket_acl(Core& core, Context& context,
                                                 const model::GetBucketAclRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  model::GetBucketAclOutput output;
  const auto record = core.buckets.record(*bucket);
  output.owner.ensure() = owner_of(bucket->account);
  output.grants = describe_grants(
      acl_or_default(allows_acls(*record) ? record->acl : std::nullopt, bucket->account));
  return output;
}

Result<Empty> put_bucket_acl(Core& core, Context& context,
                             const model::PutBucketAclRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  TRY(core.buckets.change(*bucket, [&](BucketRecord& record) -> Result<void> {
    AclRecord acl = TRY(make_acl(record, AclOf::bucket, record.account, wanted_acl(request)));
    if (allows_acls(record)) record.acl = std::move(acl);
    return {};
  }));
  return Empty{};
}

Result<model::GetBucketOwnershipControlsOutput> get_ownership_controls(
    Core& core, Context& context, const model::GetBucketOwnershipControlsRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  model::GetBucketOwnershipControlsOutput output;
  output.ownership_controls.ensure().rules.push_back(
      {core.buckets.record(*bucket)->ownership.value_or(kBucketOwnerEnforced)});
  return output;
}

Result<Empty> put_ownership_controls(Core& core, Context& context,
                                     const model::PutBucketOwnershipControlsRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  if (!request.ownership_controls || request.ownership_controls->rules.size() != 1 ||
      !is_ownership(request.ownership_controls->rules[0].object_ownership))
    return fail(malformed_xml());
  TRY(core.buckets.change(*bucket, [&](BucketRecord& record) -> Result<void> {
    if (request.ownership_controls->rules[0].object_ownership == kBucketOwnerEnforced &&
        allows_acls(record) && record.acl && is_shared(*record.acl))
      return fail(Error{"InvalidBucketAclWithObjectOwnership",
                        "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced "
                        "setting",
                        400});
    record.ownership = request.ownership_controls->rules[0].object_ownership;
    return {};
  }));
  return Empty{};
}

Result<Empty> delete_ownership_controls(
    Core& core, Context& context, const model::DeleteBucketOwnershipControlsRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  TRY(core.buckets.change(*bucket, [](BucketRecord& record) -> Result<void> {
    record.ownership.reset();
    return {};
  }));
  context.response_status = 204;
  return Empty{};
}

}  // namespace

void add_bucket_settings_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::PutBucketTagging>(registry, core, put_bucket_tagging);
  add<op::GetBucketTagging>(registry, core, get_bucket_tagging);
  add<op::DeleteBucketTagging>(registry, core, delete_bucket_tagging);
  add<op::PutBucketVersioning>(registry, core, put_bucket_versioning);
  add<op::GetBucketVersioning>(registry, core, get_bucket_versioning);
  add<op::GetBucketAcl>(registry, core, get_bucket_acl);
  add<op::PutBucketAcl>(registry, core, put_bucket_acl);
  add<op::GetBucketOwnershipControls>(registry, core, get_ownership_controls);
  add<op::PutBucketOwnershipControls>(registry, core, put_ownership_controls);
  add<op::DeleteBucketOwnershipControls>(registry, core, delete_ownership_controls);
}

}  // namespace tidemill::services::s3
