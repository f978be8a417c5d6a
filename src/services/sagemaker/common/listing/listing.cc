#include "services/sagemaker/common/listing/listing.h"

#include <cstdio>

namespace tidemill::services::sagemaker {

std::string creation_index_key(std::string_view account, std::string_view region, Timestamp created,
                               std::string_view name) {
  char microseconds[24];
  std::snprintf(microseconds, sizeof microseconds, "%020lld",
                static_cast<long long>(created.microseconds));
  return store::key({account, region, microseconds, name});
}

std::unexpected<Error> internal_failure(const Error& error) {
  if (error.code == codes::kStorageFull)
    return fail("InternalFailure", "The disk is full: " + error.message, 507);
  return fail("InternalFailure", error.message, 500);
}

}  // namespace tidemill::services::sagemaker
