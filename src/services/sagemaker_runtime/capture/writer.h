// Queues to journals: one thread that forms the lines, appends, syncs, and closes files in time.
#pragma once

#include <set>

#include "blobs/disk_room.h"
#include "runtime/task_scope.h"
#include "services/sagemaker_runtime/capture/channel.h"
#include "services/sagemaker_runtime/capture/uploader.h"

namespace tidemill::services::sagemaker_runtime {

class CaptureWriter {
 public:
  CaptureWriter(CaptureInbox& inbox, CaptureUploader& uploader, Random& random,
                const RecorderOptions& options);
  Result<void> start();
  // After inbox.stop(): everything is written, synced and given to the uploader when it returns.
  void join() { scope_.stop(); }

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  void run();
  SteadyTime next_deadline() const;
  void write(const ChannelPointer& channel, SteadyTime now);
  // One more record of this time may be added.
  bool fits(const Journal& journal, Timestamp time) const;
  // A journal that takes a record of this time, or why there is none.
  Result<void> prepare(const ChannelPointer& channel, Timestamp time, SteadyTime now);
  struct Batch;
  void append(CaptureChannel& channel, Batch& batch);
  void sync_all();
  void confirm(CaptureChannel& channel, const Result<void>& outcome);
  void close_due(SteadyTime now, bool all);
  void close(CaptureChannel& channel);

  CaptureInbox& inbox_;
  CaptureUploader& uploader_;
  Random& random_;
  const RecorderOptions& options_;
  std::unique_ptr<blobs::DiskRoom> room_;
  std::set<ChannelPointer> open_;       // channels with a journal
  std::optional<SteadyTime> sync_due_;  // something is unsynced
  bool somebody_waits_ = false;         // for the next sync
  runtime::TaskScope scope_;            // last: its thread uses the rest
};

}  // namespace tidemill::services::sagemaker_runtime
