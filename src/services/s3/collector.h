// Removes what a crash left behind: blobs that no record names, parts whose upload is gone. Moves
// blobs out of segments that are mostly dead.
#pragma once

#include <stop_token>

#include "services/s3/common/core.h"

namespace tidemill::services::s3 {

// `ages` is the clock by which garbage ages. May run beside requests, once after the blob store was
// opened. Tidemill.Cancelled when asked to stop before the end: then nothing was removed that
// should not be.
Result<void> collect_garbage(Core& core, const Clock& ages, const std::stop_token& stop);

}  // namespace tidemill::services::s3
