// The records of multipart uploads and their parts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

using StoredUpload = store::Versioned<UploadRecord>;
using StoredPart = store::Versioned<PartRecord>;

std::string upload_row_key(const UploadRecord& upload);
// NoSuchUpload.
Result<StoredUpload> require_upload(Core& core, std::string_view bucket, std::string_view key,
                                    std::string_view id);
// In the order of their numbers.
Result<std::vector<StoredPart>> parts_of(Core& core, std::string_view upload_id);
Result<std::optional<StoredPart>> find_part(Core& core, std::string_view upload_id, int number);

// Makes the part the upload's; releases the one it replaces. On failure the new part's blob is
// released. NoSuchUpload when the upload ended meanwhile.
Result<void> put_part(Core& core, const StoredUpload& upload, PartRecord part);

// Removes what an upload that has ended left behind: its parts and their blobs. Since a part is put
// only together with a look at its upload, none can follow.
Result<void> remove_parts(Core& core, std::string_view upload_id);
Result<void> abort_upload(Core& core, const StoredUpload& upload);
// Aborts the uploads of a bucket that was deleted.
Result<void> abort_uploads_of(Core& core, const std::string& bucket);

}  // namespace tidemill::services::s3
