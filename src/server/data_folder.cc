#include "server/data_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "base/crash_point.h"
#include "base/describe.h"
#include "base/descriptor.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text_file.h"
#include "server/version.h"

namespace tidemill::server {

namespace filesystem = std::filesystem;

namespace {

struct FolderFormat {
  int version = 0;
  std::string written_by;  // the version of Tidemill that made or migrated the folder
};
BOOST_DESCRIBE_STRUCT(FolderFormat, (), (version, written_by))

int version_of(const std::vector<FolderMigration>& migrations) {
  return migrations.empty() ? kFirstFolderVersion : migrations.back().version;
}

Result<FolderFormat> read_format(const filesystem::path& folder) {
  const filesystem::path path = folder / kFormatFile;
  std::error_code error;
  if (!filesystem::exists(path, error) && !error) return FolderFormat{kFirstFolderVersion, ""};
  if (!filesystem::is_regular_file(path, error))
    return fail(codes::kInvalid,
                path.string() + " is not a file. Bring it back from a backup of the folder.");
  const std::string text = TRY(read_text_file(path));
  Result<FolderFormat> format = from_json<FolderFormat>(text);
  if (!format || format->version < kFirstFolderVersion)
    return fail(codes::kInvalid, path.string() + " does not say which version the data folder has" +
                                     (format ? "" : ": " + format.error().message) +
                                     ". Bring the file back from a backup of the folder.");
  return format;
}

Result<void> write_format(const filesystem::path& folder, int version) {
  TRY(write_file_atomically(folder / kFormatFile, to_json(FolderFormat{version, kVersion}) + "\n",
                            0644));
  crash_point();
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0)
    return fail(codes::kIo, "cannot sync " + folder.string() + ": " + std::strerror(errno));
  return {};
}

}  // namespace

const std::vector<FolderMigration>& folder_migrations() {
  static const std::vector<FolderMigration> migrations = {
      // Version 1 records stay readable; programs of version 1 cannot read new records.
      {2, "small blobs carry checksums of their blocks",
       [](const filesystem::path&) -> Result<void> { return {}; }},
      // Older objects are read as they are; programs of version 2 would take the bytes of older
      // versions for garbage.
      {3, "objects have versions", [](const filesystem::path&) -> Result<void> { return {}; }},
  };
  return migrations;
}

int folder_version() { return version_of(folder_migrations()); }

bool is_new_data_folder(const filesystem::path& folder) {
  std::error_code error;
  for (const char* name : {kFormatFile, "state", "blobs"})
    if (filesystem::exists(folder / name, error) || error) return false;
  return true;
}

Result<void> check_data_folder(const filesystem::path& folder,
                               const std::vector<FolderMigration>& migrations) {
  const FolderFormat format = TRY(read_format(folder));
  const int known = version_of(migrations);
  if (format.version <= known) return {};
  return fail(codes::kInvalid,
              "The data folder " + folder.string() + " has version " +
                  std::to_string(format.version) + ", written by Tidemill " + format.written_by +
                  "; this is Tidemill " + kVersion + ", which knows versions up to " +
                  std::to_string(known) +
                  ". Nothing was changed. Start it with that Tidemill or a newer one, bring back a "
                  "backup from before the upgrade, or choose another folder with --data.");
}

Result<void> migrate_data_folder(const filesystem::path& folder, bool is_new,
                                 const std::vector<FolderMigration>& migrations) {
  if (is_new) return write_format(folder, version_of(migrations));
  // Check again under the lock: another server may have migrated the folder meanwhile.
  TRY(check_data_folder(folder, migrations));
  const FolderFormat format = TRY(read_format(folder));
  for (const FolderMigration& migration : migrations) {
    if (migration.version <= format.version) continue;
    log::info("the data folder is migrated",
              {{"version", std::int64_t(migration.version)}, {"what", migration.what}});
    crash_point();
    if (Result<void> ran = migration.run(folder); !ran)
      return fail(ran.error().code,
                  "The data folder " + folder.string() + " cannot be brought to version " +
                      std::to_string(migration.version) + " (" + migration.what +
                      "): " + ran.error().message + ". It can be tried again by starting again.");
    crash_point();
    TRY(write_format(folder, migration.version));
    crash_point();
  }
  return {};
}

}  // namespace tidemill::server
