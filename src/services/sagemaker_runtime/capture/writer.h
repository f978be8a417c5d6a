// Writes queues to journals: one thread formats lines, appends, syncs, and closes files in time.
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
  // Call after inbox.stop(): returns when all is written, synced and handed to the uploader.
  void join() { scope_.stop(); }

 private:
  using SteadyTime = std::chrono::steady_clock::time_point;

  void run();
  SteadyTime next_deadline() const;
  void write(const ChannelPointer& channel, SteadyTime now);
  // Whether one more record, of this time, may be added.
  bool fits(const Journal& journal, Timestamp time) const;
  // Ensures that the channel has a journal for a record of this time; else says why not.
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
  std::set<ChannelPointer> open_;       // channels with an open journal
  std::optional<SteadyTime> sync_due_;  // set when something is unsynced
  bool somebody_waits_ = false;         // whether a caller waits for the next sync
  runtime::TaskScope scope_;            // last, as its thread uses the other members
};

}  // namespace tidemill::services::sagemaker_runtime
