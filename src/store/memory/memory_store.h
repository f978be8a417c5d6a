// A Store that lives as long as its process: for tests, and as the model the others are held to.
#pragma once

#include <memory>

#include "store/store.h"

namespace tidemill::store {

// Aborts on malformed or repeated table names.
std::unique_ptr<Store> make_memory_store(std::vector<TableSpec> tables);

}  // namespace tidemill::store
