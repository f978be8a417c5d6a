// Which database a folder of blobs belongs to. Only that database knows which blobs live: any other
// one, a newborn above all, would take every blob for garbage.
#pragma once

#include <string>

#include "blobs/blobs.h"

namespace tidemill::blobs {

// The owner's id lies in `<directory>/DATABASE`. Binds a folder that is bound to nobody and holds
// nothing, or that a database of a version without ids names records of; keeps every other binding
// as it is. Returns why `database` may not collect here, "" when it may.
Result<std::string> bind_to_database(const std::string& directory, const DatabaseOwner& database);

}  // namespace tidemill::blobs
