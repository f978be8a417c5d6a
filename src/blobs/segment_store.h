// All segments of a directory: appends with group commit, verified reads, space accounting.
#pragma once

#include <map>
#include <memory>
#include <shared_mutex>

#include "blobs/blobs.h"
#include "blobs/disk_room.h"
#include "blobs/group_sync.h"
#include "blobs/quarantine.h"
#include "blobs/segment.h"

namespace tidemill::blobs {

// Thread-safe. Appends reserve their place under a short lock, write outside it, and share one
// fdatasync. Segments of earlier runs are never appended to: where their last record ends is known
// only to the records that name it.
class SegmentStore {
 public:
  // Borrowed arguments must outlive the store.
  SegmentStore(BlobOptions options, std::string directory, SharedFile directory_file,
               GroupSync& directory_sync, const DiskRoom& room, Quarantine& quarantine);
  ~SegmentStore();
  // Finds the segments of earlier runs.
  Result<void> load();

  Result<BlobRef> append(std::string_view payload);
  // A range of the payload, checked: only its blocks are read, where the record has sums of them.
  Result<std::string> read(const BlobRef& blob, std::uint64_t offset, std::uint64_t length);
  void release(const BlobRef& blob);
  // When the disk is full: gives the space of released records back without waiting for their
  // segments to die. Returns how many bytes.
  std::uint64_t reclaim();

  void mark_live(const BlobRef& blob);
  // Ends the counting of earlier runs' segments: those in which nothing lives go to quarantine,
  // tails that were reserved and never written are cut. With Coverage::damaged segments that hold
  // bytes which were not marked stay where they are, and only what is released is given back.
  void finish_counting(Timestamp now, Coverage coverage);
  bool should_relocate(const BlobRef& blob) const;
  void add_statistics(BlobStatistics& statistics) const;

  static bool owns(const BlobRef& blob) {
    return blob.location.starts_with("s/") || blob.location.starts_with("b/");
  }

 private:
  struct Place {
    std::shared_ptr<Segment> segment;
    SharedFile file;
    std::uint64_t offset = 0;
  };
  Result<Place> reserve(std::uint64_t length);
  Result<void> roll();                            // append_mutex_ held
  Result<void> reserve_space(std::uint64_t end);  // append_mutex_ held
  std::uint64_t reclaim_locked();                 // append_mutex_ held
  void seal_active();                             // append_mutex_ held
  void give_back(const Place& place, std::uint64_t length, bool sync_failed);
  std::shared_ptr<Segment> find(std::uint32_t id) const;
  // Also when it lies in quarantine: then it comes back.
  std::shared_ptr<Segment> find_or_restore(std::uint32_t id);
  void add_earlier(std::uint32_t id);  // segments_mutex_ held
  Result<SharedFile> file_of(Segment& segment);
  void close_least_recently_used();
  void remove(Segment& segment);
  void delete_or_keep(Segment& segment);

  const BlobOptions options_;
  const std::string directory_;
  const SharedFile directory_file_;
  GroupSync& directory_sync_;
  const DiskRoom& room_;
  Quarantine& quarantine_;
  // When the collection ran: what dies afterwards goes to quarantine with that time.
  std::atomic<std::int64_t> collected_microseconds_{0};
  std::atomic<bool> keep_unclaimed_{false};
  GroupSync data_sync_{GroupSync::Kind::data};

  std::mutex append_mutex_;
  std::shared_ptr<Segment> active_;  // guarded by append_mutex_
  SharedFile active_file_;           // guarded by append_mutex_
  std::uint32_t next_id_ = 1;        // guarded by append_mutex_

  mutable std::shared_mutex segments_mutex_;
  // Shared: a reader uses a segment that a release removes meanwhile.
  std::map<std::uint32_t, std::shared_ptr<Segment>> segments_;  // guarded by segments_mutex_
  std::atomic<std::uint64_t> ticks_{0};
  std::atomic<std::size_t> open_files_{0};
};

}  // namespace tidemill::blobs
