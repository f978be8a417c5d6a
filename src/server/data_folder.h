// The version of a data folder's layout, so that no Tidemill works on a folder that it does not
// understand, and each brings older ones up to its own.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"

namespace tidemill::server {

// What brings a folder from the version before to `version`. It may be killed at any moment, and
// then runs again from its beginning: each step must do nothing where it is already done.
struct FolderMigration {
  int version = 0;
  std::string what;
  std::function<Result<void>(const std::filesystem::path& folder)> run;
};

// The file that says which version a folder has. Folders without it are of version 1.
inline constexpr const char* kFormatFile = "format.json";
inline constexpr int kFirstFolderVersion = 1;

// Ascending from version 2; the last one's version is what this program writes.
const std::vector<FolderMigration>& folder_migrations();
int folder_version();

// Before anything in the folder is opened: Tidemill.Invalid when it is of a newer version, or its
// version cannot be told, saying what to do.
Result<void> check_data_folder(const std::filesystem::path& folder,
                               const std::vector<FolderMigration>& migrations);
// While the folder is locked (the store is open) and nothing else of it is: runs the migrations
// that are missing, and writes the version down after each. `is_new`: nothing was in it.
Result<void> migrate_data_folder(const std::filesystem::path& folder, bool is_new,
                                 const std::vector<FolderMigration>& migrations);
// Whether no Tidemill has used the folder yet.
bool is_new_data_folder(const std::filesystem::path& folder);

}  // namespace tidemill::server
