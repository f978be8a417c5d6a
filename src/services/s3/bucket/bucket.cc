#include "services/s3/bucket/bucket.h"

#include <algorithm>

#include "base/encoding.h"
#include "services/s3/bucket/bucket_name.h"
#include "services/s3/bucket/policy.h"
#include "services/s3/common/acl.h"
#include "services/s3/common/register.h"
#include "services/s3/common/tags.h"
#include "services/s3/common/times.h"
#include "services/s3/multipart/uploads.h"

namespace tidemill::services::s3 {

namespace {

constexpr std::string_view kFirstRegion = "us-east-1";

// "eu-west-1", "us-gov-east-1"; what the table of regions holds grows every year.
bool looks_like_region(std::string_view text) {
  return text.size() >= 8 && text.size() <= 32 && std::ranges::count(text, '-') >= 2 &&
         text.back() >= '0' && text.back() <= '9' && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

Result<std::string> region_of(const Context& context, const model::CreateBucketRequest& request) {
  std::string constraint;
  if (request.create_bucket_configuration)
    constraint = request.create_bucket_configuration->location_constraint.value_or("");
  std::string endpoint_region = context.region.empty() ? std::string(kFirstRegion) : context.region;
  if (constraint == "EU") constraint = "eu-west-1";
  if (constraint.empty()) {
    if (endpoint_region != kFirstRegion)
      return fail("IllegalLocationConstraintException",
                  "The unspecified location constraint is incompatible for the region specific "
                  "endpoint this request was sent to.",
                  400);
    return endpoint_region;
  }
  if (constraint == kFirstRegion || !looks_like_region(constraint))
    return fail(Error{"InvalidLocationConstraint",
                      "The specified location-constraint is not valid",
                      400,
                      {{"LocationConstraint", constraint}}});
  if (endpoint_region != kFirstRegion && endpoint_region != constraint)
    return fail("IllegalLocationConstraintException",
                "The " + constraint +
                    " location constraint is incompatible for the region specific endpoint this "
                    "request was sent to.",
                400);
  return constraint;
}

// The list of the new bucket; nullopt: its owner's alone.
Result<std::optional<AclRecord>> acl_of(const BucketRecord& record,
                                        const model::CreateBucketRequest& request) {
  if (request.object_ownership && !is_ownership(*request.object_ownership))
    return fail(
        invalid_argument("Invalid x-amz-object-ownership header: " + *request.object_ownership,
                         "x-amz-object-ownership", *request.object_ownership));
  const WantedAcl wanted = wanted_acl(request);
  if (wanted.headers.empty() && wanted.canned.value_or("private") == "private")
    return std::optional<AclRecord>();
  if (!request.object_ownership || *request.object_ownership == kBucketOwnerEnforced)
    return fail(Error{"InvalidBucketAclWithObjectOwnership",
                      "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced "
                      "setting",
                      400});
  return std::optional(TRY(make_acl(record, AclOf::bucket, record.account, wanted)));
}

std::string arn_of(const Bucket& bucket) { return "arn:aws:s3:::" + bucket.name; }

Result<api::Empty> delete_bucket(Core& core, Context& context,
                                 const model::DeleteBucketRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  TRY(core.buckets.erase(bucket));
  TRY(abort_uploads_of(core, bucket->name));
  return api::Empty{};
}

}  // namespace

bool is_ownership(std::string_view text) {
  return text == kBucketOwnerEnforced || text == "BucketOwnerPreferred" || text == "ObjectWriter";
}

Result<model::CreateBucketOutput> create_bucket(Core& core, Context& context,
                                                const model::CreateBucketRequest& request) {
  if (!is_valid_bucket_name(request.bucket))
    return fail(Error{"InvalidBucketName",
                      "The specified bucket is not valid.",
                      400,
                      {{"BucketName", request.bucket}}});
  BucketRecord record{request.bucket, context.account(), TRY(region_of(context, request)),
                      core.clock.now()};
  if (request.create_bucket_configuration && request.create_bucket_configuration->tags)
    record.tags =
        TRY(check_tags(*request.create_bucket_configuration->tags, limits::bucket_tags_max));
  if (request.object_lock_enabled_for_bucket.value_or(false)) {
    record.object_lock = BucketLockRecord{};
    record.versioning = "Enabled";
  }
  record.ownership = request.object_ownership;
  record.acl = TRY(acl_of(record, request));
  std::string region = record.region;
  Result<void> created = core.buckets.create(std::move(record));
  // "For legacy compatibility, if you re-create an existing bucket that you already own in
  // us-east-1, Amazon S3 returns 200 OK".
  bool again = !created && created.error().code == "BucketAlreadyOwnedByYou" &&
               region == kFirstRegion && core.buckets.find(request.bucket) &&
               core.buckets.find(request.bucket)->region == kFirstRegion;
  if (!created && !again) return fail(std::move(created).error());
  model::CreateBucketOutput output;
  output.location = "/" + request.bucket;
  output.bucket_arn = "arn:aws:s3:::" + request.bucket;
  return output;
}

Result<model::HeadBucketOutput> head_bucket(Core& core, Context& context,
                                            const model::HeadBucketRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  model::HeadBucketOutput output;
  output.bucket_region = bucket->region;
  output.bucket_arn = arn_of(*bucket);
  output.access_point_alias = false;
  context.response_headers["Content-Type"] = "application/xml";
  return output;
}

Result<model::ListBucketsOutput> list_buckets(Core& core, Context& context,
                                              const model::ListBucketsRequest& request) {
  std::int64_t limit = request.max_buckets.value_or(std::int64_t(limits::buckets_of_account_max));
  if (limit < 1 || limit > std::int64_t(limits::buckets_of_account_max))
    return fail(invalid_argument("Argument max-buckets must be an integer between 1 and 10000",
                                 "max-buckets", std::to_string(limit)));
  std::string after;
  if (request.continuation_token) {
    Result<std::string> decoded = decode_base64(*request.continuation_token);
    if (!decoded)
      return fail(invalid_argument("The continuation token provided is incorrect",
                                   "continuation-token", *request.continuation_token));
    after = std::move(*decoded);
  }
  model::ListBucketsOutput output;
  auto& buckets = output.buckets.emplace();
  for (const std::shared_ptr<Bucket>& bucket : core.buckets.of_account(context.account())) {
    if (bucket->name <= after && !after.empty()) continue;
    if (request.prefix && !bucket->name.starts_with(*request.prefix)) continue;
    if (request.bucket_region && bucket->region != *request.bucket_region) continue;
    if (std::int64_t(buckets.size()) == limit) {
      output.continuation_token = encode_base64(*buckets.back().name);
      break;
    }
    model::Bucket entry;
    entry.name = bucket->name;
    entry.creation_date = whole_seconds(bucket->created);
    entry.bucket_region = bucket->region;
    entry.bucket_arn = arn_of(*bucket);
    buckets.push_back(std::move(entry));
  }
  output.owner.ensure() = owner_of(context.account());
  output.prefix = request.prefix;
  return output;
}

Result<model::GetBucketLocationOutput> get_bucket_location(
    Core& core, Context& context, const model::GetBucketLocationRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  model::GetBucketLocationOutput output;
  // us-east-1 is the region without a constraint.
  if (bucket->region != kFirstRegion) output.location_constraint = bucket->region;
  return output;
}

void add_bucket_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::CreateBucket>(registry, core, create_bucket);
  add<op::HeadBucket>(registry, core, head_bucket);
  add<op::ListBuckets>(registry, core, list_buckets);
  add<op::DeleteBucket>(registry, core, delete_bucket);
  add<op::GetBucketLocation>(registry, core, get_bucket_location);
  add_bucket_settings_operations(registry, core);
  add_bucket_configuration_operations(registry, core);
  add_bucket_lock_operations(registry, core);
  add_bucket_policy_operations(registry, core);
}

}  // namespace tidemill::services::s3
