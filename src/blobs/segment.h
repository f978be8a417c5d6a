// One append-only file of small blobs, with a count of the live ones.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

// Records begin and end at multiples of this, so that one bit per multiple says what is live; a
// word of 64 bits covers a page of 4 KiB.
inline constexpr std::uint64_t kRecordAlignmentBytes = 64;

// Thread-safe, except that `tail` and `reserved` are guarded by the appender's lock.
class Segment {
 public:
  // `counted`: written by this run. Otherwise the live bytes are known after finish_counting().
  Segment(std::uint32_t id, std::string path, bool counted)
      : id_(id), path_(std::move(path)), of_this_run_(counted), counted_(counted) {}

  std::uint32_t id() const { return id_; }
  const std::string& path() const { return path_; }

  // The cached descriptor, or a new one; `opened` tells which.
  Result<SharedFile> file(bool& opened);
  void set_file(SharedFile file);
  // Returns whether there was a cached one to close. The appender keeps its own descriptor.
  bool close_file();
  bool can_close() const;
  std::uint64_t last_used() const { return last_used_.load(std::memory_order_relaxed); }
  void touch(std::uint64_t tick) { last_used_.store(tick, std::memory_order_relaxed); }

  // `bytes`: the length of the whole record, as given by record_bytes() of segment_record.h.
  void mark_live(std::uint64_t offset, std::uint64_t bytes);
  // Returns true when this was the last live record of a segment that can now be removed.
  bool mark_dead(std::uint64_t offset, std::uint64_t bytes);
  // Ends appending; returns true when the segment can be removed at once.
  bool seal();
  // Call when all live records are marked (earlier runs); true: the segment can be removed at once.
  bool finish_counting();
  bool counted() const;
  bool mostly_dead() const;
  std::uint64_t live_bytes() const;
  // Whether the record at `offset` is live, or at least not known to be dead.
  bool may_be_live(std::uint64_t offset) const;
  // Returns pages below `end` without live records to the file system; gives the number of bytes.
  // Nothing may be appended below `end` meanwhile. In a segment of an earlier run, frees only what
  // this run released: no record names the rest, but a record that comes back may.
  std::uint64_t punch_dead_pages(std::uint64_t end);
  // Whether it is counted and has bytes that are not live but were not released in this run either.
  bool holds_unclaimed() const;
  // The end of the last live record that was marked.
  std::uint64_t live_end() const;
  std::uint64_t written_bytes() const { return written_.load(std::memory_order_relaxed); }
  void set_written_bytes(std::uint64_t bytes) { written_.store(bytes, std::memory_order_relaxed); }

  std::uint64_t tail = 0;
  std::uint64_t reserved = 0;

 private:
  using Bits = std::vector<std::uint64_t>;
  static void set_bits(Bits& bits, std::uint64_t offset, std::uint64_t bytes, bool value);
  bool removable() const { return sealed_ && counted_ && live_bytes_ == 0; }

  const std::uint32_t id_;
  const std::string path_;
  const bool of_this_run_;
  std::atomic<std::uint64_t> last_used_{0};
  std::atomic<std::uint64_t> written_{0};

  mutable std::mutex mutex_;
  SharedFile file_;                    // guarded by mutex_
  Bits live_;                          // guarded by mutex_; one bit per 64 bytes of live records
  Bits released_;                      // guarded by mutex_; likewise for bytes released in this run
  std::vector<bool> punched_;          // guarded by mutex_; pages returned already
  std::uint64_t unclaimed_bytes_ = 0;  // guarded by mutex_; neither live nor ever released
  std::uint64_t live_bytes_ = 0;       // guarded by mutex_; whole records
  std::uint64_t live_end_ = 0;         // guarded by mutex_
  bool sealed_ = false;                // guarded by mutex_
  bool counted_;  // guarded by mutex_; false: of an earlier run and not yet marked
};

}  // namespace tidemill::blobs
