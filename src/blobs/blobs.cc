#include "blobs/blobs.h"

namespace tidemill::blobs {

TIDEMILL_RECORD_CODEC(BlobRef)

}  // namespace tidemill::blobs
