// Multipart uploads. Their parts become the object's as they lie: completing one rewrites no byte.
#pragma once

#include "api/s3/multipart.h"
#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

namespace model = tidemill::api::s3;

Result<model::CreateMultipartUploadOutput> create_multipart_upload(
    Core&, Context&, const model::CreateMultipartUploadRequest&);
Result<model::UploadPartOutput> upload_part(Core&, Context&, const model::UploadPartRequest&);
Result<model::UploadPartCopyOutput> upload_part_copy(Core&, Context&,
                                                     const model::UploadPartCopyRequest&);
Result<model::CompleteMultipartUploadOutput> complete_multipart_upload(
    Core&, Context&, const model::CompleteMultipartUploadRequest&);
Result<model::AbortMultipartUploadOutput> abort_multipart_upload(
    Core&, Context&, const model::AbortMultipartUploadRequest&);
Result<model::ListPartsOutput> list_parts(Core&, Context&, const model::ListPartsRequest&);
Result<model::ListMultipartUploadsOutput> list_multipart_uploads(
    Core&, Context&, const model::ListMultipartUploadsRequest&);

void add_multipart_operations(Registry& registry, Core& core);

}  // namespace tidemill::services::s3
