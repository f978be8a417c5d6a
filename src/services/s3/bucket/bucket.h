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

}  // namespace tidemill::services::s3
