#include "services/sagemaker_runtime/capture/writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

// Disk space that captured data leaves free for the records of the state database.
constexpr std::uint64_t kKeptFreeBytes = 64u << 20;
// About the size of one write().
constexpr std::size_t kWriteBytes = 1u << 20;
// Above this number of files, one syncfs() replaces the single syncs.
constexpr std::size_t kSyncedOneByOneMax = 8;
constexpr std::chrono::hours kForever{1};

std::int64_t hour_of(Timestamp time) { return time.microseconds / 3'600'000'000; }

}  // namespace

// Lines that are being gathered for one journal.
struct CaptureWriter::Batch {
  std::string lines;
  std::uint64_t records = 0;
  std::vector<CaptureDone> waiting;
};

CaptureWriter::CaptureWriter(CaptureInbox& inbox, CaptureUploader& uploader, Random& random,
                             const RecorderOptions& options)
    : inbox_(inbox), uploader_(uploader), random_(random), options_(options) {}

Result<void> CaptureWriter::start() {
  room_ = std::make_unique<blobs::DiskRoom>(
      TRY(blobs::open_file(options_.directory, O_RDONLY | O_DIRECTORY)), kKeptFreeBytes);
  scope_.spawn("capture-write", [this](std::stop_token) { run(); });
  return {};
}

void CaptureWriter::run() {
  bool stopping = false;
  while (!stopping) {
    CaptureInbox::Taken taken = inbox_.wait(next_deadline());
    stopping = taken.stopping;
    const SteadyTime now = std::chrono::steady_clock::now();
    for (const ChannelPointer& channel : taken.channels) write(channel, now);
    if (sync_due_ && (somebody_waits_ || *sync_due_ <= now || stopping)) sync_all();
    close_due(std::chrono::steady_clock::now(), stopping);
    inbox_.counters.report(now);
  }
}

CaptureWriter::SteadyTime CaptureWriter::next_deadline() const {
  SteadyTime next = std::chrono::steady_clock::now() +
                    (inbox_.counters.unreported() ? kReportInterval : kForever);
  if (sync_due_) next = std::min(next, *sync_due_);
  for (const ChannelPointer& channel : open_)
    next = std::min({next, channel->last_record + options_.idle_rotation,
                     channel->opened + options_.busy_rotation});
  return next;
}

void CaptureWriter::write(const ChannelPointer& channel, SteadyTime now) {
  std::vector<QueuedRecord> records = inbox_.take(*channel);
  const bool disk_full = room_->available_bytes() == 0;
  Batch batch;
  for (QueuedRecord& record : records) {
    const bool backlog_full = inbox_.counters.backlog_bytes.load() >= options_.backlog_bytes_max;
    if (channel->journal && !fits(*channel->journal, record.exchange.time)) append(*channel, batch);
    Result<void> ready;
    if (backlog_full || disk_full)
      ready = fail(codes::kStorageFull,
                   backlog_full ? "too much captured data awaits its upload" : "the disk is full");
    else
      ready = prepare(channel, record.exchange.time, now);
    if (!ready) {
      inbox_.counters.drop(backlog_full ? Dropped::backlog_full : Dropped::disk);
      if (record.done) record.done(fail(ready.error()));
      continue;
    }
    append_capture_line(channel->settings, record.exchange, make_uuid(random_), batch.lines);
    batch.records += 1;
    if (record.done) batch.waiting.push_back(std::move(record.done));
    const std::uint64_t bytes = channel->journal->facts().bytes + batch.lines.size();
    if (batch.lines.size() >= kWriteBytes || bytes >= options_.rotation_bytes)
      append(*channel, batch);
  }
  append(*channel, batch);
}

bool CaptureWriter::fits(const Journal& journal, Timestamp time) const {
  return journal.facts().bytes < options_.rotation_bytes &&
         hour_of(time) <= hour_of(journal.facts().name.first_record);
}

Result<void> CaptureWriter::prepare(const ChannelPointer& channel, Timestamp time, SteadyTime now) {
  if (channel->journal && fits(*channel->journal, time)) return {};
  if (channel->journal) {
    close(*channel);
    open_.erase(channel);
  }
  channel->journal =
      TRY(Journal::create(options_.directory, channel->settings, time, make_uuid(random_)));
  channel->opened = channel->last_record = now;
  inbox_.counters.backlog_bytes += channel->journal->facts().bytes;
  open_.insert(channel);
  return {};
}

void CaptureWriter::append(CaptureChannel& channel, Batch& batch) {
  if (batch.records == 0) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  Result<void> written = channel.journal->append(batch.lines, batch.records);
  if (written) {
    channel.last_record = now;
    inbox_.counters.written += batch.records;
    inbox_.counters.backlog_bytes += batch.lines.size();
    if (!sync_due_) sync_due_ = now + options_.sync_interval;
    somebody_waits_ = somebody_waits_ || !batch.waiting.empty();
    std::ranges::move(batch.waiting, std::back_inserter(channel.unconfirmed));
  } else {
    inbox_.counters.drop(Dropped::disk, batch.records);
    for (CaptureDone& done : batch.waiting) done(fail(written.error()));
  }
  batch = {};
}

void CaptureWriter::confirm(CaptureChannel& channel, const Result<void>& outcome) {
  for (CaptureDone& done : channel.unconfirmed) done(outcome);
  channel.unconfirmed.clear();
}

void CaptureWriter::sync_all() {
  std::vector<CaptureChannel*> unsynced;
  for (const ChannelPointer& channel : open_)
    if (channel->journal->unsynced()) unsynced.push_back(channel.get());
  if (unsynced.size() > kSyncedOneByOneMax &&
      ::syncfs(unsynced.front()->journal->descriptor()) == 0) {
    for (CaptureChannel* channel : unsynced) {
      channel->journal->mark_synced();
      confirm(*channel, {});
    }
  } else {
    for (CaptureChannel* channel : unsynced) {
      Result<void> synced = channel->journal->sync();
      if (!synced)
        log::error("captured data cannot be synced", {{"reason", synced.error().message}});
      confirm(*channel, synced);
    }
  }
  sync_due_.reset();
  somebody_waits_ = false;
}

void CaptureWriter::close_due(SteadyTime now, bool all) {
  std::vector<ChannelPointer> due;
  for (const ChannelPointer& channel : open_)
    if (all || channel->retired || channel->last_record + options_.idle_rotation <= now ||
        channel->opened + options_.busy_rotation <= now)
      due.push_back(channel);
  for (const ChannelPointer& channel : due) {
    close(*channel);
    open_.erase(channel);
  }
}

void CaptureWriter::close(CaptureChannel& channel) {
  if (channel.journal->unsynced()) {
    Result<void> synced = channel.journal->sync();
    if (!synced) log::error("captured data cannot be synced", {{"reason", synced.error().message}});
    confirm(channel, synced);
  }
  uploader_.add(channel.journal->facts());
  channel.journal.reset();
}

}  // namespace tidemill::services::sagemaker_runtime
