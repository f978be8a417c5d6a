#include "store/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <semaphore>
#include <thread>

#include "base/file_identity.h"
#include "store/position.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/reserve.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/writer.h"

namespace tidemill::store {

namespace {

using namespace sqlite;

constexpr const char* kLockFile = "LOCK";
constexpr const char* kReserveFile = "reserve";
constexpr std::chrono::seconds kLockWait{2};

std::unexpected<Error> io_error(const std::string& doing) {
  const char* code = errno == ENOSPC || errno == EDQUOT ? codes::kStorageFull : codes::kIo;
  return fail(code, fmt::format("{}: {}", doing, std::strerror(errno)));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

// Held while the descriptor is open; the kernel releases it when the process dies. Jobs that
// outlive the server must not inherit it.
Result<FileDescriptor> lock_folder(const std::filesystem::path& folder) {
  const std::string path = folder / kLockFile;
  FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file.number() < 0) return io_error("cannot open " + path);
  const auto deadline = std::chrono::steady_clock::now() + kLockWait;
  while (flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return io_error("cannot lock " + path);
    char holder[32] = {};
    const ssize_t size = pread(file.number(), holder, sizeof(holder) - 1, 0);
    const pid_t process = size > 0 ? std::atoi(holder) : 0;
    // A server killed while starting a job leaves the lock to that child until the child has
    // executed its own program, within milliseconds.
    const bool holder_is_gone = process > 0 && kill(process, 0) != 0 && errno == ESRCH;
    if (holder_is_gone && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      continue;
    }
    return fail(codes::kConflict,
                fmt::format("the data folder {} is in use by process {}: stop it, or choose "
                            "another folder",
                            folder.string(), size > 0 ? holder : "(unknown)"));
  }
  const std::string pid = std::to_string(getpid());
  if (ftruncate(file.number(), 0) != 0 ||
      pwrite(file.number(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return io_error("cannot write " + path);
  }
  return file;
}

// SQLite creates its other files with the mode of the database file.
Result<void> create_private_file(const std::filesystem::path& path) {
  const FileDescriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file.number() < 0) return io_error("cannot create " + path.string());
  return {};
}

// Makes the files' names durable, not just their contents.
Result<void> sync_folder(const std::filesystem::path& path) {
  const FileDescriptor folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.number() < 0 || fsync(folder.number()) != 0) {
    return io_error("cannot sync " + path.string());
  }
  return {};
}

class SqliteStore final : public Store {
 public:
  SqliteStore(FileDescriptor lock, std::unique_ptr<Tables> tables, Connection connection,
              std::vector<FileIdentity> files, Reserve reserve, const SqliteOptions& options)
      : lock_(std::move(lock)),
        tables_(std::move(tables)),
        readers_(options.path, *tables_, options.readers_max, options.page_cache_bytes / 4),
        writer_(std::move(connection), *tables_,
                {options.queue_transactions_max, options.queue_bytes_max}, std::move(files),
                std::move(reserve)) {}

  Result<std::optional<Row>> get(std::string_view table, std::string_view key) override {
    return readers_.get(table, key);
  }
  Result<Page> scan(const Scan& scan) override { return readers_.scan(scan); }

  Result<void> commit(Transaction transaction) override {
    Result<void> result;
    std::binary_semaphore finished(0);
    writer_.submit(std::move(transaction), [&](Result<void> outcome) {
      result = std::move(outcome);
      finished.release();
    });
    finished.acquire();
    return result;
  }
  void commit_async(Transaction transaction, std::function<void(Result<void>)> done) override {
    writer_.submit(std::move(transaction), std::move(done));
  }

 private:
  FileDescriptor lock_;
  std::unique_ptr<Tables> tables_;
  ReaderPool readers_;
  Writer writer_;  // last, because it must finish first
};

// Files that must stay in place for commits to be durable.
Result<std::vector<FileIdentity>> files_of(const std::filesystem::path& database) {
  std::vector<FileIdentity> files;
  files.push_back(TRY(FileIdentity::of(database)));
  // The log exists after the first write to a newly opened database, at the latest by the schema's
  // check.
  if (Result<FileIdentity> log = FileIdentity::of(database.string() + "-wal"))
    files.push_back(*std::move(log));
  return files;
}

Result<void> limit_size(Connection& connection, std::uint64_t bytes_max) {
  if (bytes_max == 0) return {};
  std::int64_t page_bytes = 0;
  {
    Statement select = TRY(connection.prepare("PRAGMA page_size"));
    if (TRY(select.step())) page_bytes = select.number(0);
  }
  return connection.execute(fmt::format("PRAGMA max_page_count={}", bytes_max / page_bytes));
}

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(SqliteOptions options) {
  TRY(check_tables(options.tables));
  options.path = std::filesystem::absolute(options.path);
  const std::filesystem::path folder = options.path.parent_path();
  std::error_code failed;
  if (std::filesystem::create_directories(folder, failed)) {
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
  }
  if (failed) {
    return fail(codes::kIo,
                fmt::format("cannot make the folder {}: {}", folder.string(), failed.message()));
  }
  FileDescriptor lock = TRY(lock_folder(folder));
  // Before the first write: on a full disk it gives the start the space it needs.
  Reserve reserve(folder / kReserveFile);
  TRY(create_private_file(options.path));
  Connection connection = TRY(Connection::open(options.path, false, options.page_cache_bytes));
  TRY(limit_size(connection, options.database_bytes_max));
  auto tables = std::make_unique<Tables>(options.tables);
  TRY(prepare_schema(connection, *tables, options.migrations));
  TRY(sync_folder(folder));
  std::vector<FileIdentity> files = TRY(files_of(options.path));
  return std::make_unique<SqliteStore>(std::move(lock), std::move(tables), std::move(connection),
                                       std::move(files), std::move(reserve), options);
}

}  // namespace tidemill::store
