// The server's state: the data folder, the store, blobs, jobs, the engine, and credentials.
#include <sys/stat.h>

#include "base/boot_clock.h"
#include "compute/process/process_compute.h"
#include "engine/make_engine.h"
#include "server/application_parts.h"
#include "server/data_folder.h"
#include "server/job_runtimes.h"
#include "server/job_surroundings.h"
#include "store/identity.h"
#include "store/sqlite/sqlite_store.h"

namespace tidemill::server {
namespace {

namespace filesystem = std::filesystem;

// Each version of the data folder is also a version of the database: programs older than the format
// file check only the database's version, and refuse a newer one.
std::vector<store::Migration> state_migrations() {
  std::vector<store::Migration> migrations;
  for (const FolderMigration& migration : folder_migrations())
    migrations.push_back({migration.version - kFirstFolderVersion, migration.what,
                          [](store::MigrationContext&) -> Result<void> { return {}; }});
  return migrations;
}

}  // namespace

Result<void> Application::Parts::make_data_folder() {
  std::error_code error;
  data = filesystem::absolute(settings.text("data"));
  filesystem::create_directories(data, error);
  if (error)
    return fail(codes::kIo,
                "cannot make the data folder " + data.string() + ": " + error.message());
  TRY(check_data_folder(data, folder_migrations()));
  // Jobs get their own folders mounted; without mount namespaces compute/ grants them access.
  ::chmod(data.c_str(), 0700);
  return {};
}

Result<void> Application::Parts::open_store() {
  TRY(make_data_folder());
  const bool is_new = is_new_data_folder(data);
  store = TRY(store::open_sqlite_store({.path = data / "state" / "tidemill.db",
                                        .tables = all_tables(),
                                        .migrations = state_migrations()}));
  return migrate_data_folder(data, is_new, folder_migrations());
}

Result<void> Application::Parts::open_state() {
  ages = AgeClock::open((data / "state" / "ages.json").string(), clock);
  store::Identity identity = TRY(store::load_identity(*store, *random));
  blobs::BlobOptions options{.directory = (data / "blobs").string()};
  options.database = {identity.id, !identity.settled,
                      TRY(store::has_records(*store, all_tables()))};
  options.ages_began = ages->began();
  blobs = std::make_unique<blobs::BlobOwners>(std::move(options), *random);
  for (std::string_view owner : modules->blob_owners()) TRY(blobs->open(owner));
  blobs->report_unopened();
  TRY(store::settle_identity(*store, identity));
  TRY(watch_folders());
  compute = TRY(compute::make_process_driver(
      {.directory = (data / "jobs").string(),
       .shim_command = {"/proc/self/exe", "shim"},
       .volumes_directory = data.string(),
       .volume_owners = modules->volume_owners(),
       .runtime =
           [this](const std::string& name) {
             return job_runtime(platform->use<services::sagemaker::Programs>(), name);
           },
       .complete =
           [this](compute::ProcessSpec& job) {
             add_transparent_mode(job, data, settings.text("tunnel") == "jobs");
             add_names(job, data);
           }},
      clock));
  durations =
      std::make_unique<BootClock>(BootClock::open((data / "state" / "clock.json").string(), clock));
  outbox = std::make_unique<engine::Outbox>(*store, clock, *random);
  engine = engine::make_engine(*store, clock, *durations, *random, {}, data.string());
  engine->publish_to(*outbox);
  return {};
}

// Remembers files that the server keeps open, to notice when somebody removes them.
Result<void> Application::Parts::watch_folders() {
  for (const char* path : {"", "/state", "/state/tidemill.db", "/blobs"})
    folders.push_back(TRY(FileIdentity::of(data.string() + path)));
  return {};
}

std::string Application::Parts::trouble() const {
  for (const FileIdentity& folder : folders)
    if (Result<void> there = folder.check(); !there) return there.error().message;
  return "";
}

}  // namespace tidemill::server
