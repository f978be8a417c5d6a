// The version of a data folder's layout. Tidemill refuses a folder with a layout that it does not
// know, and migrates older layouts to its own.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace tidemill::server {

// Migrates a folder from the previous version to `version`. It may be killed at any moment and then
// runs again from the start, so each step must do nothing where it is already done.
struct FolderMigration {
  int version = 0;
  std::string what;
  std::function<Result<void>(const std::filesystem::path& folder)> run;
};

// The file that holds a folder's version. Folders without it have version 1.
inline constexpr const char* kFormatFile = "format.json";
inline constexpr int kFirstFolderVersion = 1;

// Ascending from version 2; the version of the last one is what this program writes.
const std::vector<FolderMigration>& folder_migrations();
int folder_version();

// Call before opening anything in the folder. Tidemill.Invalid, with advice, when the folder has a
// newer version or the version cannot be read.
Result<void> check_data_folder(const std::filesystem::path& folder,
                               const std::vector<FolderMigration>& migrations);
// Call while the folder is locked (the store is open) and nothing else in it is open: runs the
// missing migrations and records the version after each. `is_new`: the folder was empty.
Result<void> migrate_data_folder(const std::filesystem::path& folder, bool is_new,
                                 const std::vector<FolderMigration>& migrations);
// Whether no Tidemill has used the folder yet.
bool is_new_data_folder(const std::filesystem::path& folder);

}  // namespace tidemill::server
