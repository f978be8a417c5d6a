#include "store/sqlite/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/crash_point.h"
#include "base/log.h"

namespace tidemill::store::sqlite {

namespace {

// One SQL transaction holds at most this many: it bounds how long the first one waits.
constexpr std::size_t kGroupTransactionsMax = 512;
// Pages of the write-ahead log at which a commit also checkpoints (16 MiB).
constexpr std::uint64_t kCheckpointPages = 4096;

std::size_t size_of(const Transaction& transaction) {
  std::size_t bytes = 0;
  for (const Transaction::Operation& operation : transaction.operations()) {
    bytes += sizeof(operation) + operation.key.size() + operation.value.size();
  }
  return bytes;
}

}  // namespace

Writer::Writer(Connection connection, const Tables& tables, Limits limits,
               std::vector<FileIdentity> files, Reserve reserve)
    : connection_(std::move(connection)),
      tables_(tables),
      applier_(connection_, tables),
      limits_(limits),
      files_(std::move(files)),
      reserve_(std::move(reserve)),
      thread_([this] { run(); }) {}

Writer::~Writer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  queued_.notify_one();
  thread_.join();
  if (Result<void> done = connection_.execute("PRAGMA wal_checkpoint(TRUNCATE)"); !done) {
    log::warning("checkpoint at close failed; the log is kept", {{"reason", done.error().message}});
  }
}

void Writer::submit(Transaction transaction, std::function<void(Result<void>)> done) {
  if (Result<void> checked = Applier::check(tables_, transaction); !checked) {
    done(std::move(checked));
    return;
  }
  const std::size_t bytes = size_of(transaction);
  bool wake = false;
  {
    std::unique_lock lock(mutex_);
    if (queue_.size() >= limits_.queue_transactions_max ||
        queue_bytes_ + bytes > limits_.queue_bytes_max) {
      const std::size_t waiting = queue_.size();
      lock.unlock();
      done(fail(codes::kOverloaded,
                fmt::format("{} transactions wait to be written already; try again", waiting)));
      return;
    }
    wake = queue_.empty();
    queue_bytes_ += bytes;
    queue_.push_back({std::move(transaction), std::move(done), bytes});
  }
  if (wake) queued_.notify_one();
}

void Writer::run() {
  std::vector<Pending> group;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      queued_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      if (queue_.size() <= kGroupTransactionsMax) {
        group.swap(queue_);
      } else {
        const auto end = queue_.begin() + kGroupTransactionsMax;
        group.assign(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
        queue_.erase(queue_.begin(), end);
      }
      for (const Pending& pending : group) queue_bytes_ -= pending.bytes;
    }
    commit_group(group);
    for (Pending& pending : group) {
      pending.transaction.run_hooks(pending.result);
      pending.done(std::move(pending.result));
    }
    group.clear();
  }
}

void Writer::commit_group(std::vector<Pending>& group) {
  reserve_.restore();
  if (reserve_.in_use()) return refuse_growth(group);
  if (commit_together(group)) return;
  if (group.front().result.error().code == codes::kStorageFull && reserve_.release())
    return refuse_growth(group);
  // One of them may be what failed (too large for the disk): the others get their own chance.
  if (group.size() > 1)
    for (Pending& pending : group) commit_alone(pending);
}

void Writer::refuse_growth(std::vector<Pending>& group) {
  // So that the log's space is used again rather than more of the reserve.
  if (Result<void> done = connection_.execute("PRAGMA wal_checkpoint(PASSIVE)"); !done)
    log::warning("checkpoint on a full disk failed", {{"reason", done.error().message}});
  for (Pending& pending : group) {
    if (pending.transaction.frees_space())
      commit_alone(pending);
    else
      pending.result =
          fail(codes::kStorageFull,
               "the data folder's disk is full, and only deletions are written until there is "
               "room; free some space on it and try again");
  }
}

Result<void> Writer::check_files() const {
  for (const FileIdentity& file : files_) TRY(file.check());
  return {};
}

void Writer::commit_alone(Pending& pending) {
  std::vector<Pending> alone(1);
  alone[0].transaction = std::move(pending.transaction);
  commit_together(alone);
  pending.transaction = std::move(alone[0].transaction);
  pending.result = std::move(alone[0].result);
}

// What the log holds can be moved into the database with half of the reserve.
std::uint64_t Writer::checkpoint_pages() const {
  constexpr std::uint64_t kPageBytes = 4096, kPagesMin = 16;
  return std::clamp(reserve_.bytes() / 2 / kPageBytes, kPagesMin, kCheckpointPages);
}

bool Writer::commit_together(std::vector<Pending>& group) {
  auto all_fail = [&](const Error& error) {
    roll_back();
    for (Pending& pending : group) pending.result = fail(error);
    return false;
  };
  if (!begin_) {
    // Prepared here, so that a failure reaches those who wait.
    Result<void> prepared = [&]() -> Result<void> {
      TRY(connection_.execute(fmt::format("PRAGMA wal_autocheckpoint={}", checkpoint_pages())));
      commit_ = TRY(connection_.prepare("COMMIT"));
      rollback_ = TRY(connection_.prepare("ROLLBACK"));
      begin_ = TRY(connection_.prepare("BEGIN IMMEDIATE"));
      return {};
    }();
    if (!prepared) return all_fail(prepared.error());
  }
  if (Result<void> there = check_files(); !there) return all_fail(there.error());
  if (Result<void> begun = begin_.run(); !begun) return all_fail(begun.error());
  for (Pending& pending : group) {
    pending.result = applier_.apply(pending.transaction);
    if (!pending.result && pending.result.error().code != codes::kConflict) {
      return all_fail(Error(pending.result.error()));
    }
  }
  crash_point();
  if (Result<void> committed = commit_.run(); !committed) return all_fail(committed.error());
  crash_point();
  // Removed meanwhile: whatever was written is nowhere.
  if (Result<void> there = check_files(); !there) return all_fail(there.error());
  return true;
}

void Writer::roll_back() {
  applier_.forget_positions();
  if (!connection_.in_transaction()) return;
  if (Result<void> done = rollback_.run(); !done) {
    log::error("rollback failed", {{"reason", done.error().message}});
  }
}

}  // namespace tidemill::store::sqlite
