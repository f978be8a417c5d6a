// The tags of log groups, found by ARN.
#pragma once

#include "services/platform/module/tag_sources.h"
#include "store/store.h"

namespace tidemill::services::logs {

// Borrows the store.
platform::TagSource tag_source(store::Store& store);

}  // namespace tidemill::services::logs
