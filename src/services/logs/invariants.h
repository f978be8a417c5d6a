// Invariants of the records (store/invariant.h): "" if a record keeps them, else what is wrong.
#pragma once

#include <string_view>

#include "services/logs/records.h"
#include "store/invariant.h"

namespace tidemill::services::logs {

std::string_view invariant(const Stream& stream);
std::string_view invariant(const EventRow& row);

}  // namespace tidemill::services::logs
