// The bytes of objects. Small ones lie inline in append-only segments whose writes are grouped
// under one fdatasync; large ones are files. Which object has which blob is the caller's record: a
// blob that no record names is garbage, found at start and released.
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

// Where a blob lies; stored inside records. Opaque outside blobs/.
struct BlobRef {
  // "s/00000001/4096" or "b/00000001/4096" in a segment, "f/ab/abcdef..." a file, "" empty
  std::string location;
  std::uint64_t size_bytes = 0;
  std::uint32_t crc32c = 0;
};
TIDEMILL_RECORD(BlobRef, (), (location, size_bytes, crc32c))

// One thread at a time. Dropped without finish(), nothing remains.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  virtual Result<void> append(std::span<const char> bytes) = 0;
  // Returns when the bytes are durable. Tidemill.StorageFull, Tidemill.Io.
  virtual Result<BlobRef> finish() = 0;
};

struct BlobStatistics {
  std::uint64_t segments = 0;
  std::uint64_t segment_bytes = 0;       // written to segments, dead records included
  std::uint64_t segment_live_bytes = 0;  // named by a record; exact after a garbage collection
  std::uint64_t files_written = 0;       // since the store was opened
  std::uint64_t quarantine_files = 0;
  std::uint64_t quarantine_bytes = 0;
  // Collections that spared everything unmarked, because records could not be read.
  std::uint64_t damaged_collections = 0;
};

// How much a collection was told about the blobs that are in use.
enum class Coverage {
  complete,  // every blob that a record names was marked
  damaged,   // records that cannot be read may name more
};

// The blobs of one owner (blobs/owners.h). Thread-safe.
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  // Durable when it returns. For bodies of up to limits::buffered_body_bytes_max.
  virtual Result<BlobRef> put(std::string_view bytes) = 0;
  virtual Result<std::unique_ptr<BlobWriter>> create() = 0;
  // A range of the blob. Every byte that the source hands out was checked before, of ranges as of
  // whole blobs (Tidemill.Corrupt). `length` past the end is cut.
  virtual Result<std::unique_ptr<ByteSource>> open(const BlobRef& blob, std::uint64_t offset,
                                                   std::uint64_t length) = 0;
  // The whole blob in memory, verified.
  virtual Result<std::string> read(const BlobRef& blob) = 0;
  // Frees the space once every open reader is gone. Call after the record that named it is durably
  // gone. Idempotent.
  virtual void release(const BlobRef& blob) = 0;

  // While the returned handle lives, release() of these blobs is put off: for readers that open the
  // blobs of one object one after the other.
  virtual std::shared_ptr<void> pin(const std::vector<BlobRef>& blobs) = 0;

  // Moves what the last run left without a record into quarantine, brings back from there what a
  // record names, and deletes what has been there for BlobOptions::quarantine. The marker calls its
  // argument for every blob that a record names; blobs written since the store was opened need not
  // be marked and are never moved. May run beside everything else, once. When the marker fails
  // nothing is moved, nor when the blobs belong to another database: see why_not_collected().
  // With Coverage::damaged nothing is moved or deleted either, since an unmarked blob may be the
  // one that an unreadable record names; but what is released from then on is freed.
  // `now` and delete_expired()'s are of a clock whose differences can be trusted (AgeClock).
  using Mark = std::function<void(const BlobRef&)>;
  using Marker = std::function<Result<Coverage>(const Mark&)>;
  virtual Result<void> collect_garbage(const Marker& mark_live, Timestamp now) = 0;
  // What to tell whoever runs the server when the blobs are not this database's; else "".
  virtual std::string why_not_collected() const = 0;
  // Deletes what has been in quarantine for long enough, once this run has collected. To be called
  // now and then.
  virtual void delete_expired(Timestamp now) = 0;
  // True when the blob lies in a segment that is mostly dead: rewriting it elsewhere (read, put,
  // change the record, release) lets the segment go.
  virtual bool should_relocate(const BlobRef& blob) const = 0;
  virtual BlobStatistics statistics() const = 0;
};

// Whose records name the blobs.
struct DatabaseOwner {
  std::string id;            // "": nobody asks (tests)
  bool first_start = false;  // the id is as new as this start
  // Somebody's records are in it: with first_start, the database of a version without ids.
  bool has_records = false;
};

struct BlobOptions {
  std::string directory;  // made when missing
  // A segment is closed when it has grown to this.
  std::uint64_t segment_bytes = 64u << 20;
  // Space is reserved for a segment in steps of this size, so that a full disk shows up as an
  // error of one put and never in the middle of a record.
  std::uint64_t segment_step_bytes = 8u << 20;
  // Left free for whatever else must be written when the disk is full, the records of deletions
  // above all; of a small disk at most an eighth. Blobs that would take of it are refused.
  std::uint64_t kept_free_bytes = 32u << 20;
  // Descriptors of segments kept open for reading.
  std::size_t open_segments_max = 128;
  // How long blobs without a record are kept before they are deleted.
  std::chrono::seconds quarantine = std::chrono::days(7);
  // When the clock of collect_garbage() began to count: ages from before it are not believed, and
  // count from then. nullopt: they are believed.
  std::optional<Timestamp> ages_began = {};
  DatabaseOwner database = {};
};

// One process at a time owns the directory; the caller sees to that. Random names the files; it
// outlives the store.
Result<std::unique_ptr<BlobStore>> open_blob_store(BlobOptions options, Random& random);

}  // namespace tidemill::blobs
