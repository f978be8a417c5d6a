// A Store in memory: for tests, and as the reference model for other implementations.
#pragma once

#include <memory>

#include "store/store.h"

namespace tidemill::store {

// Aborts for malformed or repeated table names.
std::unique_ptr<Store> make_memory_store(std::vector<TableSpec> tables);

}  // namespace tidemill::store
