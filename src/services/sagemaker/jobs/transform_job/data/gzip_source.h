// Input files that are compressed, read as they were.
#pragma once

#include <memory>

#include "base/byte_stream.h"

namespace tidemill::services::sagemaker::jobs {

// Unpacks one gzip member, or several in a row. Tidemill.Invalid for damaged or cut-off data.
std::unique_ptr<ByteSource> gunzip(std::unique_ptr<ByteSource> compressed);

}  // namespace tidemill::services::sagemaker::jobs
