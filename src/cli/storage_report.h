// `tidemill storage`: what the buckets hold, by storage class.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/api_call.h"

namespace tidemill::cli {

// A table for people, or JSON. Reads the listings of all buckets of the caller's account, so it
// takes about a second for each 100,000 objects.
Result<std::string> storage_report(const ApiTarget& target, bool as_json);

}  // namespace tidemill::cli
