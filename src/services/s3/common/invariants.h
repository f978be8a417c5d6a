// Invariants of the records (store/invariant.h): "" if a record keeps them, else what is wrong.
#pragma once

#include <string_view>

#include "services/s3/common/records.h"
#include "store/invariant.h"

namespace tidemill::services::s3 {

std::string_view invariant(const BucketRecord& bucket);
std::string_view invariant(const ObjectRecord& object);
std::string_view invariant(const VersionRecord& version);
std::string_view invariant(const UploadRecord& upload);
std::string_view invariant(const PartRecord& part);

}  // namespace tidemill::services::s3
