#include "services/sagemaker_runtime/capture/channel.h"

namespace tidemill::services::sagemaker_runtime {
namespace {

// At one such part of the queue's limit the writer starts early, before its interval is over.
constexpr std::uint64_t kHurryPart = 8;

}  // namespace

void CaptureInbox::refuse(QueuedRecord& record, Error error) {
  if (record.done) record.done(fail(std::move(error)));
}

void CaptureInbox::put(const ChannelPointer& channel, QueuedRecord record) {
  counters.records.fetch_add(1, std::memory_order_relaxed);
  const CapturedExchange& exchange = record.exchange;
  record.bytes = sizeof(QueuedRecord) + exchange.request_body.size() +
                 exchange.response_body.size() + exchange.custom_attributes.size();
  const std::uint64_t bytes = record.bytes;
  const std::uint64_t before = counters.queued_bytes.fetch_add(bytes);
  if (before + bytes > queued_bytes_max_) {
    counters.queued_bytes.fetch_sub(bytes);
    counters.drop(Dropped::queue_full);
    return refuse(record, {codes::kOverloaded, "too many captured records wait for the disk"});
  }
  const std::uint64_t hurry_at = queued_bytes_max_ / kHurryPart;
  const bool urgent = record.done || (before < hurry_at && before + bytes >= hurry_at);
  bool first = false, stopped = false;
  {
    std::lock_guard lock(channel->mutex);
    stopped = stopped_.load();
    if (!stopped) {
      channel->queue.push_back(std::move(record));
      first = !channel->listed;
      channel->listed = true;
    }
  }
  if (stopped) {
    counters.queued_bytes.fetch_sub(bytes);
    counters.drop(Dropped::stopped);
    return refuse(record, {codes::kCancelled, "the server is stopping"});
  }
  if (first || urgent) list(first ? channel : nullptr, urgent);
}

void CaptureInbox::list(const ChannelPointer& channel, bool urgent) {
  bool wake = urgent;
  {
    std::lock_guard lock(mutex_);
    // stop() has listed every channel with records; the writer takes no more after that.
    if (stopping_) return;
    wake = wake || ready_.empty();
    if (channel) ready_.push_back(channel);
    urgent_ = urgent_ || urgent;
  }
  if (wake) wake_.notify_one();
}

void CaptureInbox::retire(const ChannelPointer& channel) {
  channel->retired = true;
  list(channel, true);
}

void CaptureInbox::stop(const std::vector<ChannelPointer>& channels) {
  stopped_ = true;
  for (const ChannelPointer& channel : channels) {
    // Records put before this lock are seen here; whoever comes after it sees `stopping_`.
    bool waits = false;
    {
      std::lock_guard lock(channel->mutex);
      waits = !channel->queue.empty();
    }
    if (waits) list(channel, true);
  }
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
}

void CaptureInbox::discard(const std::vector<ChannelPointer>& channels) {
  for (const ChannelPointer& channel : channels)
    for (QueuedRecord& record : take(*channel)) {
      counters.drop(Dropped::stopped);
      refuse(record, {codes::kCancelled, "the server is stopping"});
    }
  std::lock_guard lock(mutex_);
  ready_.clear();  // breaks the cycle: the channels hold this inbox
}

CaptureInbox::Taken CaptureInbox::wait(std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  wake_.wait_until(lock, until, [this] { return !ready_.empty() || urgent_ || stopping_; });
  if (!ready_.empty())
    wake_.wait_for(lock, write_interval_, [this] { return urgent_ || stopping_; });
  urgent_ = false;
  Taken taken;
  taken.channels.swap(ready_);
  taken.stopping = stopping_;
  return taken;
}

std::vector<QueuedRecord> CaptureInbox::take(CaptureChannel& channel) {
  std::vector<QueuedRecord> records;
  {
    std::lock_guard lock(channel.mutex);
    records.swap(channel.queue);
    channel.listed = false;
  }
  std::uint64_t bytes = 0;
  for (const QueuedRecord& record : records) bytes += record.bytes;
  counters.queued_bytes.fetch_sub(bytes);
  return records;
}

}  // namespace tidemill::services::sagemaker_runtime
