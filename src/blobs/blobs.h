// The bytes of objects. Small ones lie inline in append-only segments whose writes are grouped
// under one fdatasync; large ones are files. Which object has which blob is the caller's record: a
// blob that no record names is garbage, found at start and released.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/byte_stream.h"
#include "base/describe.h"
#include "base/error.h"

namespace tidemill::blobs {

// Where a blob lies; stored inside records. Opaque outside blobs/.
struct BlobRef {
  std::string location;         // "s/00000001/4096" in a segment, "f/ab/abcdef..." a file, "" empty
  std::uint64_t size_bytes = 0;
  std::uint32_t crc32c = 0;     // verified on every full read
};
BOOST_DESCRIBE_STRUCT(BlobRef, (), (location, size_bytes, crc32c))

// One thread at a time. Dropped without finish(), nothing remains.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  virtual Result<void> append(std::span<const char> bytes) = 0;
  // Returns when the bytes are durable. Tidemill.StorageFull, Tidemill.Io.
  virtual Result<BlobRef> finish() = 0;
};

// Thread-safe.
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  // Durable when it returns. For bodies of up to limits::buffered_body_bytes_max.
  virtual Result<BlobRef> put(std::string_view bytes) = 0;
  virtual Result<std::unique_ptr<BlobWriter>> create() = 0;
  // A range of the blob; the checksum is verified when the range is the whole blob
  // (Tidemill.Corrupt). `length` past the end is cut.
  virtual Result<std::unique_ptr<ByteSource>> open(const BlobRef& blob, std::uint64_t offset,
                                                   std::uint64_t length) = 0;
  // The whole blob in memory, verified.
  virtual Result<std::string> read(const BlobRef& blob) = 0;
  // Frees the space once every open reader is gone. Call after the record that named it is durably
  // gone. Idempotent.
  virtual void release(const BlobRef& blob) = 0;
};

}  // namespace tidemill::blobs
