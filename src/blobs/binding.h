// Binds a folder of blobs to the database whose records name them. Only that database knows which
// blobs are in use: any other one, above all a new one, would take every blob for garbage.
#pragma once

#include <string>

#include "blobs/blobs.h"

namespace tidemill::blobs {

// The database's id is stored in `<directory>/DATABASE`. Binds an unbound folder unless it has
// blobs and `database` is new and without records; does not change other bindings. Returns why
// `database` may not collect garbage here, or "" when it may.
Result<std::string> bind_to_database(const std::string& directory, const DatabaseOwner& database);

}  // namespace tidemill::blobs
