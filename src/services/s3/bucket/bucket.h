// Buckets: life, place, tags, and the settings that have a truthful answer.
#pragma once

#include "api/s3/bucket.h"
#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

namespace model = tidemill::api::s3;

Result<model::CreateBucketOutput> create_bucket(Core&, Context&, const model::CreateBucketRequest&);
Result<model::HeadBucketOutput> head_bucket(Core&, Context&, const model::HeadBucketRequest&);
Result<model::ListBucketsOutput> list_buckets(Core&, Context&, const model::ListBucketsRequest&);
Result<model::GetBucketLocationOutput> get_bucket_location(Core&, Context&,
                                                           const model::GetBucketLocationRequest&);

void add_bucket_operations(Registry& registry, Core& core);
// Tags, versioning, ACL, ownership: settings.cc.
void add_bucket_settings_operations(Registry& registry, Core& core);
// CORS, encryption, public access block, ...: configurations.cc.
void add_bucket_configuration_operations(Registry& registry, Core& core);
// object_lock.cc
void add_bucket_lock_operations(Registry& registry, Core& core);

// Whether it is a value of x-amz-object-ownership.
bool is_ownership(std::string_view text);

}  // namespace tidemill::services::s3
