// The bytes of an object, wherever its parts lie.
#pragma once

#include <memory>

#include "base/byte_stream.h"
#include "blobs/blobs.h"
#include "services/s3/common/records.h"
#include "services/s3/object/range.h"

namespace tidemill::services::s3 {

// Objects of one blob come as the blob store's own source, so that the server can recognise a file.
// Those of several are opened one after the other, and pinned meanwhile. The blob store outlives
// the source.
Result<std::unique_ptr<ByteSource>> open_object(blobs::BlobStore& blobs, const ObjectRecord& object,
                                                const ByteRange& range);

}  // namespace tidemill::services::s3
