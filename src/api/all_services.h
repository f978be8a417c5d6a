// Every service whose model Tidemill knows, implemented or not.
#pragma once

#include <span>

#include "base/schema.h"

namespace tidemill::api {

// Does not change while the program runs.
std::span<const schema::Service* const> all_services();

}  // namespace tidemill::api
