// Stores the bytes of objects. Small blobs lie inline in append-only segments, whose writes share
// an fdatasync; large ones are files. The caller's records say which object has which blob; a blob
// that no record names is garbage, found after the start and released.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_stream.h"
#include "base/describe.h"
#include "base/error.h"
#include "base/random.h"
#include "base/value.h"

namespace tidemill::blobs {

// Where a blob is stored; kept inside records. Opaque outside blobs/.
struct BlobRef {
  // "s/00000001/4096" or "b/00000001/4096": in a segment; "f/ab/abcdef...": a file; "": empty blob
  std::string location;
  std::uint64_t size_bytes = 0;
  std::uint32_t crc32c = 0;
};
TIDEMILL_RECORD(BlobRef, (), (location, size_bytes, crc32c))

// For one thread at a time. If destroyed before finish(), it leaves nothing behind.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  virtual Result<void> append(std::span<const char> bytes) = 0;
  // Returns when the bytes are durable. Fails with Tidemill.StorageFull or Tidemill.Io.
  virtual Result<BlobRef> finish() = 0;
};

struct BlobStatistics {
  std::uint64_t segments = 0;
  std::uint64_t segment_bytes = 0;       // written to segments, including dead records
  std::uint64_t segment_live_bytes = 0;  // in use; exact after a garbage collection
  std::uint64_t files_written = 0;       // since the store was opened
  std::uint64_t quarantine_files = 0;
  std::uint64_t quarantine_bytes = 0;
  // Collections that kept all unmarked blobs, because some records could not be read.
  std::uint64_t damaged_collections = 0;
};

// How completely a collection was told which blobs are in use.
enum class Coverage {
  complete,  // every blob that a record names was marked
  damaged,   // records that cannot be read may name more
};

// The blobs of one owner (blobs/owners.h). Thread-safe.
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  // Returns when the blob is durable. For bodies up to limits::buffered_body_bytes_max.
  virtual Result<BlobRef> put(std::string_view bytes) = 0;
  virtual Result<std::unique_ptr<BlobWriter>> create() = 0;
  // A range of the blob. All bytes are checked before the source returns them, for ranges as for
  // whole blobs (Tidemill.Corrupt). A `length` beyond the end is cut.
  virtual Result<std::unique_ptr<ByteSource>> open(const BlobRef& blob, std::uint64_t offset,
                                                   std::uint64_t length) = 0;
  // Reads the whole blob into memory, verified.
  virtual Result<std::string> read(const BlobRef& blob) = 0;
  // Frees the space once every open reader is gone. Call it after the record that named the blob
  // has been durably erased. Idempotent.
  virtual void release(const BlobRef& blob) = 0;

  // While the returned handle lives, release() of these blobs is delayed: for readers that open
  // several blobs of one object in turn.
  virtual std::shared_ptr<void> pin(const std::vector<BlobRef>& blobs) = 0;

  // Moves blobs of earlier runs that no record names into quarantine, brings back those that a
  // record names, and deletes what has been there for BlobOptions::quarantine. The marker calls its
  // argument for every blob that a record names; blobs written since the store was opened need not
  // be marked and are never moved. May run in parallel with everything else, but only once. Nothing
  // is moved when the marker fails or when the blobs belong to another database (see
  // why_not_collected()). With Coverage::damaged nothing is moved or deleted either, since an
  // unreadable record may name any unmarked blob; but what is released from then on is freed. `now`
  // (as in delete_expired()) is by a clock whose differences can be trusted (AgeClock).
  using Mark = std::function<void(const BlobRef&)>;
  using Marker = std::function<Result<Coverage>(const Mark&)>;
  virtual Result<void> collect_garbage(const Marker& mark_live, Timestamp now) = 0;
  // A message for the operator when the blobs belong to another database; else "".
  virtual std::string why_not_collected() const = 0;
  // Deletes what has been in quarantine for long enough, once this run has collected garbage. Call
  // it from time to time.
  virtual void delete_expired(Timestamp now) = 0;
  // True when the blob lies in a mostly dead segment. Rewriting it (read, put, change the record,
  // release) lets the segment be deleted.
  virtual bool should_relocate(const BlobRef& blob) const = 0;
  virtual BlobStatistics statistics() const = 0;
};

// The database whose records name the blobs.
struct DatabaseOwner {
  std::string id;            // "": not checked (tests)
  bool first_start = false;  // the id was created by this start
  // Set together with first_start when the database is of a version without ids but has records.
  bool has_records = false;
};

struct BlobOptions {
  std::string directory;  // created when missing
  // A segment that has reached this size is closed.
  std::uint64_t segment_bytes = 64u << 20;
  // Space for a segment is reserved in steps of this size, so that a full disk fails a single put
  // and never cuts off a record.
  std::uint64_t segment_step_bytes = 8u << 20;
  // Kept free for what must be written when the disk is full, above all records of deletions; at
  // most an eighth of a small disk. Blobs that would use it are refused.
  std::uint64_t kept_free_bytes = 32u << 20;
  // Limit of segments kept open for reading.
  std::size_t open_segments_max = 128;
  // How long blobs that no record names are kept before they are deleted.
  std::chrono::seconds quarantine = std::chrono::days(7);
  // When the clock of collect_garbage() began to count. Earlier times in quarantine are not trusted
  // and count from then. nullopt: all are trusted.
  std::optional<Timestamp> ages_began = {};
  DatabaseOwner database = {};
};

// A directory must be used by one process at a time; the caller ensures that. `random` chooses file
// names and must outlive the store.
Result<std::unique_ptr<BlobStore>> open_blob_store(BlobOptions options, Random& random);

}  // namespace tidemill::blobs
