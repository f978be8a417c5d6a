#include "blobs/binding.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>

#include "base/crash_point.h"
#include "base/log.h"
#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

namespace {

namespace fs = std::filesystem;

constexpr const char* kOwnerFile = "DATABASE";
// Written for blobs of unknown origin, so that the next start does not take them for its own.
constexpr std::string_view kUnknownOwner = "unknown";
constexpr std::size_t kOwnerBytesMax = 256;

// nullopt: the folder is not bound to any database.
Result<std::optional<std::string>> read_owner(const std::string& path) {
  Result<SharedFile> file = open_file(path, O_RDONLY);
  if (!file && file.error().code == codes::kNotFound) return std::optional<std::string>();
  if (!file) return fail(std::move(file).error());
  std::string text(kOwnerBytesMax, '\0');
  text.resize(TRY(read_fully(**file, text.data(), text.size(), 0)));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return std::optional(std::move(text));
}

Result<void> write_owner(const std::string& directory, const std::string& path,
                         std::string_view owner) {
  const std::string temporary = path + ".new";
  SharedFile file = TRY(open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC));
  TRY(write_fully(*file, std::string(owner) + "\n", 0));
  if (::fsync(file->get()) != 0) return fail(system_error("sync", temporary, errno));
  crash_point();
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return fail(system_error("rename", temporary, errno));
  SharedFile folder = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  if (::fsync(folder->get()) != 0) return fail(system_error("sync", directory, errno));
  crash_point();
  return {};
}

Result<bool> holds_blobs(const std::string& directory) {
  std::error_code error;
  for (const char* below : {"/segments", "/files", "/quarantine"}) {
    if (!fs::exists(directory + below, error)) continue;
    for (auto entry = fs::recursive_directory_iterator(directory + below, error);
         !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
      if (entry->is_regular_file(error)) return true;
    if (error) return fail(system_error("list", directory + below, error.value()));
  }
  return false;
}

std::string explain(const std::string& directory, const std::string& path,
                    const std::optional<std::string>& owner, const DatabaseOwner& database) {
  const std::string whose = owner && *owner != kUnknownOwner
                                ? "belong to the state database " + *owner
                                : "belong to a state database that was not found";
  return "The blobs in " + directory + " " + whose + ", and this one is " + database.id +
         (database.first_start ? ", made at this start" : "") +
         ". They are kept as they are, and nothing is collected. If state/ is missing or is "
         "another's, stop the server and put the right one back: every object will be readable. "
         "If it is lost for good, stop the server and remove " +
         path + ": then the blobs that no record names go to quarantine.";
}

}  // namespace

Result<std::string> bind_to_database(const std::string& directory, const DatabaseOwner& database) {
  if (database.id.empty()) return std::string();  // tests without a database
  const std::string path = directory + "/" + kOwnerFile;
  std::optional<std::string> owner = TRY(read_owner(path));
  if (owner == database.id) return std::string();
  const bool of_a_version_without_ids = database.first_start && database.has_records;
  bool bind = false;
  if (!TRY(holds_blobs(directory))) {
    bind = true;
    if (!owner && !database.first_start && database.has_records)
      log::error(
          "The folder of blobs is new, and the state database is not: objects stored before "
          "answer 500 until their blobs are back. If blobs/ is a mount that is missing, "
          "stop the server and mount it.",
          {{"directory", directory}, {"database", database.id}});
  } else if (!owner)
    // The database is of a version without ids, or its operator removed the file to give the blobs
    // to this one.
    bind = of_a_version_without_ids || !database.first_start;
  else if (*owner == kUnknownOwner)
    bind = of_a_version_without_ids;  // the missing database is back
  if (bind) {
    TRY(write_owner(directory, path, database.id));
    return std::string();
  }
  if (!owner) TRY(write_owner(directory, path, kUnknownOwner));
  return explain(directory, path, owner, database);
}

}  // namespace tidemill::blobs
