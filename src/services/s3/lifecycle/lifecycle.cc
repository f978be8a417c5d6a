#include "services/s3/lifecycle/lifecycle.h"

#include "services/s3/bucket/bucket.h"
#include "services/s3/bucket/configurations.h"
#include "services/s3/common/register.h"
#include "services/s3/lifecycle/rules.h"

namespace tidemill::services::s3 {

namespace {

Result<void> keep(Core& core, Bucket& bucket, std::optional<Value> value,
                  const std::optional<std::string>& transition_sizes) {
  return core.buckets.change(bucket, [&](BucketRecord& record) -> Result<void> {
    auto kept = record.configurations.value_or(std::map<std::string, Value>());
    kept.erase(std::string(kLifecycle));
    if (value) kept.emplace(kLifecycle, *std::move(value));
    kept.erase(std::string(kTransitionSizes));
    if (transition_sizes) kept.emplace(kTransitionSizes, *transition_sizes);
    record.configurations.reset();
    if (!kept.empty()) record.configurations = std::move(kept);
    return {};
  });
}

Result<model::PutBucketLifecycleConfigurationOutput> put_lifecycle(
    Core& core, Context& context, const model::PutBucketLifecycleConfigurationRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  if (!request.lifecycle_configuration) return fail(malformed_xml());
  model::BucketLifecycleConfiguration configuration = *request.lifecycle_configuration;
  TRY(check_lifecycle(configuration));
  const std::string sizes =
      request.transition_default_minimum_object_size.value_or(kEveryClassFrom128K);
  if (sizes != kEveryClassFrom128K && sizes != kVariesByClass)
    return fail(invalid_argument("Invalid transition default minimum object size",
                                 "x-amz-transition-default-minimum-object-size", sizes));
  TRY(keep(core, *bucket, to_value(configuration), sizes));
  model::PutBucketLifecycleConfigurationOutput output;
  output.transition_default_minimum_object_size = sizes;
  return output;
}

Result<model::GetBucketLifecycleConfigurationOutput> get_lifecycle(
    Core& core, Context& context, const model::GetBucketLifecycleConfigurationRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  auto kept = TRY(configuration<model::BucketLifecycleConfiguration>(core, *bucket, kLifecycle));
  if (!kept)
    return fail(Error{"NoSuchLifecycleConfiguration",
                      "The lifecycle configuration does not exist",
                      404,
                      {{"BucketName", bucket->name}}});
  model::GetBucketLifecycleConfigurationOutput output;
  output.rules = std::move(kept->rules);
  output.transition_default_minimum_object_size =
      transition_sizes_of(*core.buckets.record(*bucket));
  return output;
}

Result<api::Empty> delete_lifecycle(Core& core, Context& context,
                                    const model::DeleteBucketLifecycleRequest& request) {
  auto bucket =
      TRY(core.buckets.require(context.account(), request.bucket, request.expected_bucket_owner));
  TRY(keep(core, *bucket, std::nullopt, std::nullopt));
  context.response_status = 204;
  return api::Empty{};
}

}  // namespace

std::string transition_sizes_of(const BucketRecord& record) {
  if (!record.configurations) return kEveryClassFrom128K;
  const auto found = record.configurations->find(std::string(kTransitionSizes));
  if (found == record.configurations->end() || !found->second.as_string())
    return kEveryClassFrom128K;
  return *found->second.as_string();
}

void add_lifecycle_operations(Registry& registry, Core& core) {
  namespace op = model::operations;
  add<op::PutBucketLifecycleConfiguration>(registry, core, put_lifecycle);
  add<op::GetBucketLifecycleConfiguration>(registry, core, get_lifecycle);
  add<op::DeleteBucketLifecycle>(registry, core, delete_lifecycle);
}

}  // namespace tidemill::services::s3
