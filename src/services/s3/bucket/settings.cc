// A bucket's settings. Those that Tidemill does not act on are refused, never kept and ignored;
// reading them answers what is true of every Tidemill bucket.
#include "services/s3/bucket/bucket.h"
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
  output.owner.ensure().id = canonical_id(bucket->account);
  model::Grant grant;
  grant.grantee.ensure().id = canonical_id(bucket->account);
  grant.grantee->type = "CanonicalUser";
  grant.permission = "FULL_CONTROL";
  output.grants.emplace().push_back(std::move(grant));
  return output;
}

Result<model::GetBucketOwnershipControlsOutput> get_ownership_controls(
    Core& core, Context& context, const model::GetBucketOwnershipControlsRequest& request) {
  TRY(bucket_of(core, context, request));
  model::GetBucketOwnershipControlsOutput output;
  output.ownership_controls.ensure().rules.push_back({"BucketOwnerEnforced"});
  return output;
}

Result<model::GetBucketPolicyOutput> get_bucket_policy(
    Core& core, Context& context, const model::GetBucketPolicyRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  return fail(Error{"NoSuchBucketPolicy",
                    "The bucket policy does not exist",
                    404,
                    {{"BucketName", bucket->name}}});
}

Result<model::GetBucketCorsOutput> get_bucket_cors(Core& core, Context& context,
                                                   const model::GetBucketCorsRequest& request) {
  auto bucket = TRY(bucket_of(core, context, request));
  return fail(Error{"NoSuchCORSConfiguration",
                    "The CORS configuration does not exist",
                    404,
                    {{"BucketName", bucket->name}}});
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
  add<op::GetBucketOwnershipControls>(registry, core, get_ownership_controls);
  add<op::GetBucketPolicy>(registry, core, get_bucket_policy);
  add<op::GetBucketCors>(registry, core, get_bucket_cors);
}

}  // namespace tidemill::services::s3
