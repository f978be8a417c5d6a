// The audit log: one writer thread that appends records to a chain of hashes, in groups, so that
// many calls share one commit.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "runtime/task_scope.h"
#include "services/cloudtrail/log/records.h"
#include "services/platform/audit/auditor.h"
#include "store/store.h"

namespace tidemill::services::cloudtrail {

// Records written in one commit.
inline constexpr std::size_t kBatchRecordsMax = 512;
inline constexpr std::size_t kBatchBytesMax = 4u << 20;
// Records that wait although their callers do not; beyond it, these callers wait as well.
inline constexpr std::size_t kWaitingRecordsMax = 10'000;
// Bytes of records that are kept while the store takes none; later ones are lost, and counted.
inline constexpr std::size_t kKeptBytesMax = 64u << 20;
// Pause after a commit that failed.
inline constexpr std::chrono::seconds kRetryDelay{1};

// Thread-safe.
class AuditLog {
 public:
  // Borrows the store, which must outlive it.
  explicit AuditLog(store::Store& store) : store_(store) {}
  ~AuditLog() { stop(); }

  // Reads where the chain ends. Tidemill.Corrupt when the head and the last record differ.
  Result<void> start();
  // Writes what waits and ends the thread. Later records are written by their callers' threads.
  void stop();

  // See platform::Auditor::append(). `done` may be empty.
  void append(platform::AuditRecord record, std::move_only_function<void()> done);

  // Deletes records older than `before`, at most `records_max`, and the checkpoints at them; the
  // number of records deleted.
  Result<std::size_t> delete_before(Timestamp before, std::size_t records_max);
  // The end of the chain; later records do not change it.
  ChainHead head() const;

  struct Counters {
    std::uint64_t written = 0, failed_commits = 0, waiting = 0, lost = 0;
  };
  Counters counters() const;

 private:
  // Adds the deletion of the checkpoints up to a position.
  Result<void> erase_checkpoints(std::uint64_t last, store::Transaction& transaction);
  struct Waiting {
    platform::AuditRecord record;
    std::move_only_function<void()> done;
  };
  void run(const std::stop_token& stop);
  void append_after_end(platform::AuditRecord record, std::move_only_function<void()> done);
  // Takes the next batch; empty when the log stops and nothing waits.
  std::vector<Waiting> next_batch(const std::stop_token& stop);
  Result<void> write(const std::vector<Waiting>& batch);
  // Nobody waits for a store that takes nothing: answers all, also those who come until it does.
  void answer_all(std::vector<Waiting>& batch, const Error& reason);

  store::Store& store_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Waiting> queue_;      // guarded by mutex_
  std::size_t queue_bytes_ = 0;     // guarded by mutex_
  bool failing_ = false;            // the last commit failed; guarded by mutex_
  bool ended_ = false;              // the thread takes no more records; guarded by mutex_
  ChainHead head_;                  // guarded by mutex_
  std::uint64_t head_version_ = 0;  // of the head's row; guarded by mutex_
  std::uint64_t written_ = 0, failed_commits_ = 0, lost_ = 0;  // guarded by mutex_
  std::mutex writing_;  // one commit at a time: of the thread, or of delete_before()
  runtime::TaskScope scope_;
};

}  // namespace tidemill::services::cloudtrail
