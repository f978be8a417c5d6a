// How much of the disk blobs may use. Some space is kept free for the state database: if blobs
// filled the disk to the last byte, not even deletions could be recorded.
#pragma once

#include <cstdint>

#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

// Thread-safe.
class DiskRoom {
 public:
  DiskRoom(SharedFile directory, std::uint64_t kept_free_bytes)
      : directory_(std::move(directory)), kept_free_bytes_(kept_free_bytes) {}
  // The space beyond what is kept free, at this moment. Less is kept free on a small disk.
  std::uint64_t available_bytes() const;

 private:
  const SharedFile directory_;
  const std::uint64_t kept_free_bytes_;
};

}  // namespace tidemill::blobs
