// What record() hands to the writer: a queue a route, and one list of the routes that have
// something in theirs.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "services/sagemaker_runtime/capture/counters.h"
#include "services/sagemaker_runtime/capture/journal.h"
#include "services/sagemaker_runtime/capture/recorder.h"

namespace tidemill::services::sagemaker_runtime {

using CaptureDone = std::move_only_function<void(Result<void>)>;

struct QueuedRecord {
  CapturedExchange exchange;
  std::uint64_t bytes = 0;
  CaptureDone done;  // empty: nobody waits
};

class CaptureInbox;

struct CaptureChannel {
  CaptureSettings settings;
  std::shared_ptr<CaptureInbox> inbox;  // shared: routes may outlive the recorder
  std::mutex mutex;
  std::vector<QueuedRecord> queue;  // guarded by mutex
  bool listed = false;              // guarded by mutex: stands in the inbox
  std::atomic<bool> retired = false;

  // The writer's alone.
  std::unique_ptr<Journal> journal;
  std::chrono::steady_clock::time_point opened, last_record;
  std::vector<CaptureDone> unconfirmed;
};
// Shared: between the route and the writer, whichever is done last.
using ChannelPointer = std::shared_ptr<CaptureChannel>;

// Thread-safe.
class CaptureInbox {
 public:
  CaptureInbox(std::uint64_t queued_bytes_max, std::chrono::milliseconds write_interval)
      : queued_bytes_max_(queued_bytes_max), write_interval_(write_interval) {}

  // Takes it, or counts it as dropped and tells `done`.
  void put(const ChannelPointer& channel, QueuedRecord record);
  // The channel's route is gone: what it has is to be closed.
  void retire(const ChannelPointer& channel);
  // Everything that comes from now on is dropped; the writer is to finish what `channels`, all that
  // there are, have.
  void stop(const std::vector<ChannelPointer>& channels);

  struct Taken {
    std::vector<ChannelPointer> channels;
    bool stopping = false;
  };
  // Blocks until there is something or `until` comes; gathers for write_interval unless it is
  // urgent. One thread.
  Taken wait(std::chrono::steady_clock::time_point until);
  // After stop(), when the writer has ended or never ran: drops what is left.
  void discard(const std::vector<ChannelPointer>& channels);
  // Empties the channel's queue.
  std::vector<QueuedRecord> take(CaptureChannel& channel);

  CaptureCounters counters;

 private:
  // `channel` may be null: only hurries.
  void list(const ChannelPointer& channel, bool urgent);
  static void refuse(QueuedRecord& record, Error error);

  const std::uint64_t queued_bytes_max_;
  const std::chrono::milliseconds write_interval_;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<ChannelPointer> ready_;  // guarded by mutex_
  bool urgent_ = false;                // guarded by mutex_
  bool stopping_ = false;              // guarded by mutex_
};

}  // namespace tidemill::services::sagemaker_runtime
