#include "services/cloudtrail/log/audit_log.h"

#include <algorithm>

#include "base/log.h"
#include "store/position_key.h"

namespace tidemill::services::cloudtrail {
namespace {

// In one transaction; the rest goes with the next one.
constexpr std::size_t kCheckpointsDeletedMax = 1000;

// Runs what waits for a record; an exception ends only that caller's answer.
void finish(std::move_only_function<void()>& done) {
  if (!done) return;
  try {
    std::exchange(done, nullptr)();
  } catch (const std::exception& error) {
    log::error("an audited call could not be answered", {{"what", error.what()}});
  }
}

}  // namespace

Result<void> AuditLog::start() {
  std::optional<store::Versioned<ChainHead>> stored = TRY(heads_table().get(store_, kHeadKey));
  if (stored) {
    head_ = std::move(stored->record);
    head_version_ = stored->version;
  }
  if (head_.position > head_.deleted_position) {
    const std::optional<store::Versioned<StoredEvent>> last =
        TRY(events_table().get(store_, store::position_key(head_.position)));
    if (!last || last->record.hash != head_.hash)
      log::error(
          "the audit log was changed from outside: its last record is not the one that "
          "was written last",
          {{"position", head_.position}, {"help", "run: tidemill audit verify"}});
  }
  scope_.spawn("audit-log", [this](const std::stop_token& stop) { run(stop); });
  return {};
}

void AuditLog::stop() { scope_.stop(); }

void AuditLog::append(platform::AuditRecord record, std::move_only_function<void()> done) {
  std::move_only_function<void()> at_once;
  {
    std::unique_lock lock(mutex_);
    if (ended_) {
      lock.unlock();
      return append_after_end(std::move(record), std::move(done));
    }
    if (failing_ || (record.answer_first && queue_.size() < kWaitingRecordsMax))
      at_once = std::exchange(done, nullptr);
    if (failing_ && queue_bytes_ + record.text.size() > kKeptBytesMax) {
      ++lost_;
    } else {
      queue_bytes_ += record.text.size();
      queue_.push_back({std::move(record), std::move(done)});
    }
  }
  changed_.notify_one();
  if (at_once) at_once();
}

// Modules that stop after this one still call others, and wait for their answers.
void AuditLog::append_after_end(platform::AuditRecord record,
                                std::move_only_function<void()> done) {
  std::vector<Waiting> batch;
  batch.push_back({std::move(record), nullptr});
  if (const Result<void> written = write(batch); !written)
    log::error("a last record of the audit log was not written",
               {{"reason", written.error().message}});
  finish(done);
}

std::vector<AuditLog::Waiting> AuditLog::next_batch(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stop, [this] { return !queue_.empty(); });
  if (queue_.empty()) ended_ = true;
  std::size_t count = 0, bytes = 0;
  while (count < queue_.size() && count < kBatchRecordsMax && bytes < kBatchBytesMax)
    bytes += queue_[count++].record.text.size();
  std::vector<Waiting> batch(std::make_move_iterator(queue_.begin()),
                             std::make_move_iterator(queue_.begin() + std::ptrdiff_t(count)));
  queue_.erase(queue_.begin(), queue_.begin() + std::ptrdiff_t(count));
  queue_bytes_ -= bytes;
  return batch;
}

void AuditLog::run(const std::stop_token& stop) {
  while (true) {
    std::vector<Waiting> batch = next_batch(stop);
    if (batch.empty()) return;
    while (true) {
      const Result<void> written = write(batch);
      if (written) break;
      answer_all(batch, written.error());
      std::unique_lock lock(mutex_);
      if (stop.stop_requested()) {
        ended_ = true;
        return;
      }
      changed_.wait_for(lock, stop, kRetryDelay, [] { return false; });
    }
    for (Waiting& waiting : batch) finish(waiting.done);
  }
}

// The changes are made already: their callers are not left without an answer.
void AuditLog::answer_all(std::vector<Waiting>& batch, const Error& reason) {
  std::vector<std::move_only_function<void()>> waiting;
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    ++failed_commits_;
    first = !std::exchange(failing_, true);
    for (Waiting& later : queue_)
      if (later.done) waiting.push_back(std::exchange(later.done, nullptr));
  }
  if (first)
    log::error("the audit log cannot be written; its records are kept and tried again",
               {{"records", batch.size()}, {"reason", reason.message}});
  for (Waiting& now : batch) finish(now.done);
  for (std::move_only_function<void()>& done : waiting) finish(done);
}

Result<void> AuditLog::write(const std::vector<Waiting>& batch) {
  std::lock_guard writing(writing_);
  ChainHead head;
  std::uint64_t version = 0;
  {
    std::lock_guard lock(mutex_);
    head = head_;
    version = head_version_;
  }
  store::Transaction transaction;
  for (const Waiting& waiting : batch) {
    StoredEvent event{waiting.record.account,
                      waiting.record.region,
                      waiting.record.time,
                      waiting.record.text,
                      head.hash,
                      {}};
    event.hash = chain_hash(head.hash, ++head.position, event);
    head.hash = event.hash;
    events_table().put(transaction, store::position_key(head.position), event, 0);
  }
  heads_table().put(transaction, std::string(kHeadKey), head, version);
  if (Result<void> committed = store_.commit(std::move(transaction)); !committed) {
    // An earlier try may have been written although it failed.
    const std::optional<store::Versioned<ChainHead>> stored =
        TRY(heads_table().get(store_, kHeadKey));
    if (!stored || stored->record.hash != head.hash) return committed;
  }
  std::lock_guard lock(mutex_);
  head_ = head;
  head_version_ = version + 1;
  written_ += batch.size();
  if (std::exchange(failing_, false))
    log::info("the audit log is written again", {{"lost_records", lost_}});
  return {};
}

Result<std::size_t> AuditLog::delete_before(Timestamp before, std::size_t records_max) {
  std::lock_guard writing(writing_);
  ChainHead head;
  std::uint64_t version = 0;
  {
    std::lock_guard lock(mutex_);
    head = head_;
    version = head_version_;
  }
  store::Scan scan;
  scan.table = events_table().name();
  scan.after = head.deleted_position ? store::position_key(head.deleted_position) : "";
  scan.limit = std::min(records_max, store::kScanLimitMax);
  const store::Page page = TRY(store_.scan(scan));
  store::Transaction transaction;
  std::size_t deleted = 0;
  for (const store::Row& row : page.rows) {
    const std::optional<StoredEvent> event =
        store::read_or_skip<StoredEvent>(scan.table, row.key, row.value);
    if (event && event->time >= before) break;
    head.deleted_position = store::position_of(row.key).value_or(head.deleted_position);
    // A damaged record has no hash that could be trusted; the next one names it.
    head.deleted_hash = event ? event->hash : "";
    events_table().erase(transaction, row.key, std::nullopt);
    ++deleted;
  }
  if (deleted == 0) return deleted;
  TRY(erase_checkpoints(head.deleted_position, transaction));
  heads_table().put(transaction, std::string(kHeadKey), head, version);
  TRY(store_.commit(std::move(transaction)));
  std::lock_guard lock(mutex_);
  head_ = head;
  head_version_ = version + 1;
  return deleted;
}

Result<void> AuditLog::erase_checkpoints(std::uint64_t last, store::Transaction& transaction) {
  store::Scan scan;
  scan.table = checkpoints_table().name();
  scan.limit = kCheckpointsDeletedMax;
  const store::Page page = TRY(store_.scan(scan));
  for (const store::Row& row : page.rows) {
    const std::optional<std::uint64_t> position = store::position_of(row.key);
    if (!position || *position > last) break;
    checkpoints_table().erase(transaction, row.key, std::nullopt);
  }
  return {};
}

ChainHead AuditLog::head() const {
  std::lock_guard lock(mutex_);
  return head_;
}

AuditLog::Counters AuditLog::counters() const {
  std::lock_guard lock(mutex_);
  return {written_, failed_commits_, queue_.size(), lost_};
}

}  // namespace tidemill::services::cloudtrail
