// All segments of a directory: appends with group commit, verified reads, accounting of space.
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

// Thread-safe. An append reserves its place under a short lock, writes outside of it, and shares
// one fdatasync with others. Segments of earlier runs are never appended to, since only the records
// that name their last blobs tell where they end.
class SegmentStore {
 public:
  // Borrowed arguments must outlive the store.
  SegmentStore(BlobOptions options, std::string directory, SharedFile directory_file,
               GroupSync& directory_sync, const DiskRoom& room, Quarantine& quarantine);
  ~SegmentStore();
  // Finds the segments of earlier runs.
  Result<void> load();

  Result<BlobRef> append(std::string_view payload);
  // A verified range of the payload; reads only the range's blocks where the record has block sums.
  Result<std::string> read(const BlobRef& blob, std::uint64_t offset, std::uint64_t length);
  void release(const BlobRef& blob);
  // For a full disk: frees the space of released records without waiting until all of a segment is
  // dead. Returns the number of bytes.
  std::uint64_t reclaim();

  void mark_live(const BlobRef& blob);
  // Ends the counting of earlier runs' segments: segments without live blobs go to quarantine, and
  // reserved tails that were never written are cut. With Coverage::damaged, segments with unmarked
  // bytes stay where they are, and only released space is freed.
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
  Result<void> roll();                            // needs append_mutex_ held
  Result<void> reserve_space(std::uint64_t end);  // needs append_mutex_ held
  std::uint64_t reclaim_locked();                 // needs append_mutex_ held
  void seal_active();                             // needs append_mutex_ held
  void give_back(const Place& place, std::uint64_t length, bool sync_failed);
  std::shared_ptr<Segment> find(std::uint32_t id) const;
  // If the segment is in quarantine, brings it back.
  std::shared_ptr<Segment> find_or_restore(std::uint32_t id);
  void add_earlier(std::uint32_t id);  // needs segments_mutex_ held
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
  // When the collection ran: what dies later goes to quarantine with that time.
  std::atomic<std::int64_t> collected_microseconds_{0};
  std::atomic<bool> keep_unclaimed_{false};
  GroupSync data_sync_{GroupSync::Kind::data};

  std::mutex append_mutex_;
  std::shared_ptr<Segment> active_;  // guarded by append_mutex_
  SharedFile active_file_;           // guarded by append_mutex_
  std::uint32_t next_id_ = 1;        // guarded by append_mutex_

  mutable std::shared_mutex segments_mutex_;
  // Shared: a reader may use a segment that a release removes meanwhile.
  std::map<std::uint32_t, std::shared_ptr<Segment>> segments_;  // guarded by segments_mutex_
  std::atomic<std::uint64_t> ticks_{0};
  std::atomic<std::size_t> open_files_{0};
};

}  // namespace tidemill::blobs
