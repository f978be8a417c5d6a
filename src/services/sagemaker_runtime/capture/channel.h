// How record() hands records to the writer: one queue per route, and one list of the routes whose
// queues are not empty.
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
  CaptureDone done;  // empty: nobody waits for the record
};

class CaptureInbox;

struct CaptureChannel {
  CaptureSettings settings;
  std::shared_ptr<CaptureInbox> inbox;  // shared, because routes may outlive the recorder
  std::mutex mutex;
  std::vector<QueuedRecord> queue;  // guarded by mutex
  bool listed = false;              // guarded by mutex; whether the inbox lists this channel
  std::atomic<bool> retired = false;

  // Used by the writer alone.
  std::unique_ptr<Journal> journal;
  std::chrono::steady_clock::time_point opened, last_record;
  std::vector<CaptureDone> unconfirmed;
};
// Shared by the route and the writer, whichever lives longer.
using ChannelPointer = std::shared_ptr<CaptureChannel>;

// Thread-safe.
class CaptureInbox {
 public:
  CaptureInbox(std::uint64_t queued_bytes_max, std::chrono::milliseconds write_interval)
      : queued_bytes_max_(queued_bytes_max), write_interval_(write_interval) {}

  // Queues the record, or counts it as dropped and calls its `done` with the error.
  void put(const ChannelPointer& channel, QueuedRecord record);
  // To be called when the channel's route is gone: its journal is to be closed.
  void retire(const ChannelPointer& channel);
  // Drops everything that comes from now on; the writer is to finish the records that `channels`
  // (all there are) hold.
  void stop(const std::vector<ChannelPointer>& channels);

  struct Taken {
    std::vector<ChannelPointer> channels;
    bool stopping = false;
  };
  // Waits for records, at most until `until`. Unless a channel is urgent, gathers records for
  // write_interval first. For one thread.
  Taken wait(std::chrono::steady_clock::time_point until);
  // Drops what is left. Call after stop(), when the writer has ended or never ran.
  void discard(const std::vector<ChannelPointer>& channels);
  // Empties the channel's queue and returns its records.
  std::vector<QueuedRecord> take(CaptureChannel& channel);

  CaptureCounters counters;

 private:
  // `channel` may be null: then this only hurries the writer.
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
