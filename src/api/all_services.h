// Every service that Tidemill knows the model of, implemented or not.
#pragma once

#include <span>

#include "base/schema.h"

namespace tidemill::api {

// Constant for the whole run.
std::span<const schema::Service* const> all_services();

}  // namespace tidemill::api
