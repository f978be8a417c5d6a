#include "services/s3/bucket/policy.h"

#include <algorithm>

#include "services/s3/bucket/bucket.h"
#include "services/s3/bucket/configurations.h"
#include "services/s3/common/acl.h"
#include "services/s3/common/register.h"

namespace tidemill::services::s3 {

namespace {

using api::Empty;

constexpr std::string_view kArnPrefix = "arn:aws:s3:::";
constexpr std::size_t kPolicyBytesMax = 20 << 10;

Error no_policy(const Bucket& bucket) {
  return {
      "NoSuchBucketPolicy", "The bucket policy does not exist", 404, {{"BucketName", bucket.name}}};
}

// The actions of policies that each permission of an access control list allows. WRITE lets nobody
// delete objects of others.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#permissions
struct ListedAction {
  std::string_view action;
  AclOf of;
  std::string_view permission;
};
constexpr ListedAction kListedActions[] = {
    {"s3:ListBucket", AclOf::bucket, "READ"},
    {"s3:ListBucketVersions", AclOf::bucket, "READ"},
    {"s3:ListBucketMultipartUploads", AclOf::bucket, "READ"},
    {"s3:PutObject", AclOf::bucket, "WRITE"},
    {"s3:DeleteObject", AclOf::bucket, "WRITE"},  // of objects of one's own
    {"s3:GetBucketAcl", AclOf::bucket, "READ_ACP"},
    {"s3:PutBucketAcl", AclOf::bucket, "WRITE_ACP"},
    {"s3:GetObject", AclOf::object, "READ"},
    {"s3:GetObjectVersion", AclOf::object, "READ"},
    {"s3:GetObjectAcl", AclOf::object, "READ_ACP"},
    {"s3:GetObjectVersionAcl", AclOf::object, "READ_ACP"},
    {"s3:PutObjectAcl", AclOf::object, "WRITE_ACP"},
    {"s3:PutObjectVersionAcl", AclOf::object, "WRITE_ACP"},
};

const ListedAction* find_listed(std::string_view action) {
  const auto* found = std::ranges::find(kListedActions, action, &ListedAction::action);
  return found == std::end(kListedActions) ? nullptr : found;
}

iam::AclGrant grant_of(const BucketRecord& bucket, const AclRecord& acl,
                       std::string_view permission, std::string_view account) {
  switch (access_of(acl, permission, account, blocks_public_access(bucket, "IgnorePublicAcls"))) {
    case Access::everybody:
      return iam::AclGrant::everybody;
    case Access::account:
      return iam::AclGrant::account;
    case Access::none:
      break;
  }
  return iam::AclGrant::none;
}

// False for anonymous callers. `path` is "bucket/key".
bool owns_object(Core& core, const Bucket& bucket, std::string_view path,
                 std::string_view account) {
  const std::size_t slash = path.find('/');
  if (account.empty() || slash == path.npos) return false;
  const Result<StoredObjectPtr> object =
      core.objects.require(bucket, path.substr(slash + 1), std::nullopt);
  return object && acl_or_default((*object)->record.acl, bucket.account).owner == account;
}

// Other accounts may never see or change the policy, whatever it says.
template <class Request>
Result<std::shared_ptr<Bucket>> own_bucket(Core& core, const Context& context,
                                           const Request& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  if (bucket->account != context.account()) return fail(method_not_allowed("BUCKETPOLICY"));
  return bucket;
}

Result<Empty> put_bucket_policy(Core& core, Context& context,
                                const model::PutBucketPolicyRequest& request) {
  auto bucket = TRY(own_bucket(core, context, request));
  if (request.policy.size() > kPolicyBytesMax)
    return fail(Error{"PolicyTooLarge", "Policy exceeds the maximum allowed document size.", 400});
  Result<void> valid =
      iam::check_resource_policy(request.policy, std::string(kArnPrefix) + bucket->name);
  if (!valid) {
    if (valid.error().code == "MalformedPolicyDocument") valid.error().code = "MalformedPolicy";
    return fail(std::move(valid).error());
  }
  auto block =
      TRY(configuration<model::PublicAccessBlockConfiguration>(core, *bucket, kPublicAccessBlock));
  if (block && block->block_public_policy.value_or(false) &&
      TRY(iam::is_public_policy(request.policy)))
    return fail(Error{"AccessDenied",
                      "The policy would be public, and the bucket's public access block has "
                      "BlockPublicPolicy.",
                      403});
  TRY(core.buckets.change(*bucket, [&](BucketRecord& record) -> Result<void> {
    record.policy = request.policy;
    return {};
  }));
  context.response_status = 204;
  return Empty{};
}

Result<model::GetBucketPolicyOutput> get_bucket_policy(
    Core& core, Context& context, const model::GetBucketPolicyRequest& request) {
  auto bucket = TRY(own_bucket(core, context, request));
  model::GetBucketPolicyOutput output;
  output.policy = core.buckets.record(*bucket)->policy;
  if (!output.policy) return fail(no_policy(*bucket));
  return output;
}

Result<Empty> delete_bucket_policy(Core& core, Context& context,
                                   const model::DeleteBucketPolicyRequest& request) {
  auto bucket = TRY(own_bucket(core, context, request));
  TRY(core.buckets.change(*bucket, [](BucketRecord& record) -> Result<void> {
    record.policy.reset();
    return {};
  }));
  context.response_status = 204;
  return Empty{};
}

Result<model::GetBucketPolicyStatusOutput> get_bucket_policy_status(
    Core& core, Context& context, const model::GetBucketPolicyStatusRequest& request) {
  auto bucket = TRY(own_bucket(core, context, request));
  const auto record = core.buckets.record(*bucket);
  if (!record->policy) return fail(no_policy(*bucket));
  model::GetBucketPolicyStatusOutput output;
  output.policy_status.ensure().is_public = TRY(iam::is_public_policy(*record->policy));
  return output;
}

}  // namespace

Result<std::optional<iam::ResourcePolicy>> BucketPolicies::find(std::string_view arn) {
  if (!arn.starts_with(kArnPrefix)) return std::optional<iam::ResourcePolicy>();
  arn.remove_prefix(kArnPrefix.size());
  const std::shared_ptr<Bucket> bucket = core_.buckets.find(arn.substr(0, arn.find('/')));
  if (!bucket) return std::optional<iam::ResourcePolicy>();
  return std::optional(
      iam::ResourcePolicy{bucket->account, core_.buckets.record(*bucket)->policy.value_or("")});
}

Result<iam::AclGrant> BucketPolicies::acl_grant(const iam::AclQuestion& question) {
  if (!question.resource.starts_with(kArnPrefix)) return iam::AclGrant::none;
  const std::string_view path = question.resource.substr(kArnPrefix.size());
  const std::shared_ptr<Bucket> bucket = core_.buckets.find(path.substr(0, path.find('/')));
  if (!bucket) return iam::AclGrant::none;
  const std::shared_ptr<const BucketRecord> record = core_.buckets.record(*bucket);
  if (!allows_acls(*record)) return iam::AclGrant::none;
  const ListedAction* listed = find_listed(question.action);
  if (!listed) return iam::AclGrant::none;
  AclRecord acl = acl_or_default(record->acl, bucket->account);
  if (question.action == "s3:DeleteObject" && question.account != bucket->account &&
      !owns_object(core_, *bucket, path, question.account))
    return iam::AclGrant::none;
  if (listed->of == AclOf::object) {
    const std::size_t slash = path.find('/');
    if (slash == path.npos) return iam::AclGrant::none;
    const std::optional<std::string> version_id =
        question.version_id.empty() ? std::nullopt
                                    : std::optional(std::string(question.version_id));
    Result<StoredObjectPtr> object =
        core_.objects.require(*bucket, path.substr(slash + 1), version_id);
    // A caller who may write a new object may also set its access control list. Otherwise a missing
    // object gives nobody access: only callers who may list the bucket learn that it is missing.
    std::string_view permission = listed->permission;
    if (object)
      acl = acl_or_default((*object)->record.acl, bucket->account);
    else if (question.action == "s3:PutObjectAcl" && object.error().code == "NoSuchKey")
      permission = "WRITE";
    else
      return iam::AclGrant::none;
    return grant_of(*record, acl, permission, question.account);
  }
  return grant_of(*record, acl, listed->permission, question.account);
}

void add_bucket_policy_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::PutBucketPolicy>(registry, core, put_bucket_policy);
  add<op::GetBucketPolicy>(registry, core, get_bucket_policy);
  add<op::DeleteBucketPolicy>(registry, core, delete_bucket_policy);
  add<op::GetBucketPolicyStatus>(registry, core, get_bucket_policy_status);
}

}  // namespace tidemill::services::s3
