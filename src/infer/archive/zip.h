// Zip archives in memory, for the models of SageMaker's linear learner.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tidemill::infer {

struct ZipLimits {
  std::size_t entries_max = 64;
  std::size_t bytes_max = 1u << 30;  // of all entries, unpacked
};

bool looks_like_zip(std::string_view bytes);

// Every entry by name, stored or deflated. Tidemill.Invalid when the archive is damaged, encrypted,
// or beyond the limits; checksums are verified.
Result<std::map<std::string, std::string>> read_zip(std::string_view bytes,
                                                    const ZipLimits& limits = {});

}  // namespace tidemill::infer
