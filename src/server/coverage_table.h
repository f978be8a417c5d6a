// `tidemill coverage`, for people.
#pragma once

#include <string>

#include "base/value.h"

namespace tidemill::server {

// `implemented`: service name -> operations. A line a service with how many of its model's
// operations there are, then their names.
std::string coverage_table(const Value& implemented);

}  // namespace tidemill::server
