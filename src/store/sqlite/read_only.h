// A database that another process may be writing, for reading only.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "store/store.h"

namespace tidemill::store {

// Each read sees one snapshot. Writes are refused with Tidemill.Invalid. Tidemill.NotFound when
// there is no such file. A table that the database does not have is Tidemill.Io when it is read.
Result<std::unique_ptr<Store>> open_sqlite_read_only(const std::filesystem::path& path,
                                                     std::vector<TableSpec> tables);

}  // namespace tidemill::store
