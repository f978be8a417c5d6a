// The writer thread: writes queued transactions in one SQL transaction, commits it with one fsync,
// then tells all waiting callers.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/file_identity.h"
#include "store/sqlite/applier.h"
#include "store/sqlite/reserve.h"

namespace tidemill::store::sqlite {

class Writer {
 public:
  struct Limits {
    std::size_t queue_transactions_max;
    std::size_t queue_bytes_max;
  };
  // `tables` must outlive the writer. `files`: files that must still be in place to acknowledge a
  // commit.
  Writer(Connection connection, const Tables& tables, Limits limits,
         std::vector<FileIdentity> files, Reserve reserve);
  // Commits queued transactions, then checkpoints.
  ~Writer();

  // Thread-safe. When the queue is full, `done` gets Tidemill.Overloaded at once.
  void submit(Transaction transaction, std::function<void(Result<void>)> done);

 private:
  struct Pending {
    Transaction transaction;
    std::function<void(Result<void>)> done;
    std::size_t bytes = 0;
    Result<void> result = {};
  };
  void run();
  void commit_group(std::vector<Pending>& group);
  // On a full disk: refuses transactions that do not free space.
  void refuse_growth(std::vector<Pending>& group);
  Result<void> check_files() const;
  std::uint64_t checkpoint_pages() const;
  // True when the group's outcome is final; false: nothing was written, results say why.
  bool commit_together(std::vector<Pending>& group);
  void commit_alone(Pending& pending);
  void roll_back();

  Connection connection_;
  const Tables& tables_;
  Applier applier_;
  Statement begin_, commit_, rollback_;
  const Limits limits_;
  const std::vector<FileIdentity> files_;
  Reserve reserve_;

  std::mutex mutex_;
  std::condition_variable queued_;
  std::vector<Pending> queue_;   // guarded by mutex_
  std::size_t queue_bytes_ = 0;  // guarded by mutex_
  bool stopping_ = false;        // guarded by mutex_
  std::thread thread_;
};

}  // namespace tidemill::store::sqlite
