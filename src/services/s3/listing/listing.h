// ListObjects, ListObjectsV2, ListObjectVersions.
#pragma once

#include "api/s3/listing.h"
#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

namespace model = tidemill::api::s3;

Result<model::ListObjectsOutput> list_objects(Core&, Context&, const model::ListObjectsRequest&);
Result<model::ListObjectsV2Output> list_objects_v2(Core&, Context&,
                                                   const model::ListObjectsV2Request&);
Result<model::ListObjectVersionsOutput> list_object_versions(
    Core&, Context&, const model::ListObjectVersionsRequest&);

void add_listing_operations(Registry& registry, Core& core);

}  // namespace tidemill::services::s3
