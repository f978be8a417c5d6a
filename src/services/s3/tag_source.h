// The tags of buckets and objects, by their ARNs.
#pragma once

#include "services/platform/module/tag_sources.h"
#include "store/store.h"

namespace tidemill::services::s3 {

// The tags of "arn:aws:s3:::bucket" and "arn:aws:s3:::bucket/key". Borrows the store.
platform::TagSource tag_source(store::Store& store);

}  // namespace tidemill::services::s3
