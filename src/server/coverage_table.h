// The table that `tidemill coverage` prints for people.
#pragma once

#include <string>

#include "base/value.h"

namespace tidemill::server {

// `implemented`: service name -> operations. Each service gets a line with the number of its
// implemented operations, then their names.
std::string coverage_table(const Value& implemented);

}  // namespace tidemill::server
