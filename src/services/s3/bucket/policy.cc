#include "services/s3/bucket/policy.h"

#include "services/s3/bucket/bucket.h"
#include "services/s3/bucket/configurations.h"
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
  const std::shared_ptr<Bucket> bucket = buckets_.find(arn.substr(0, arn.find('/')));
  if (!bucket) return std::optional<iam::ResourcePolicy>();
  return std::optional(
      iam::ResourcePolicy{bucket->account, buckets_.record(*bucket)->policy.value_or("")});
}

void add_bucket_policy_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::PutBucketPolicy>(registry, core, put_bucket_policy);
  add<op::GetBucketPolicy>(registry, core, get_bucket_policy);
  add<op::DeleteBucketPolicy>(registry, core, delete_bucket_policy);
  add<op::GetBucketPolicyStatus>(registry, core, get_bucket_policy_status);
}

}  // namespace tidemill::services::s3
