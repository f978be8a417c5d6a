// Invariants of the records (store/invariant.h): "" when all hold, else the one that is violated.
#pragma once

#include <string_view>

#include "services/logs/records.h"
#include "store/invariant.h"

namespace tidemill::services::logs {

std::string_view invariant(const Group& group);
std::string_view invariant(const Stream& stream);
std::string_view invariant(const EventRow& row);
std::string_view invariant(const Garbage& garbage);

}  // namespace tidemill::services::logs
