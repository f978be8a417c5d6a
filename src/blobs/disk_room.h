// How much of the disk blobs may take. Some of it is kept free for the records of the state
// database: on a disk that blobs had filled to the last byte nothing could even be deleted.
#pragma once

#include <cstdint>

#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

// Thread-safe.
class DiskRoom {
 public:
  DiskRoom(SharedFile directory, std::uint64_t kept_free_bytes)
      : directory_(std::move(directory)), kept_free_bytes_(kept_free_bytes) {}
  // What is free beyond what is kept free, at this moment. Of a small disk a smaller part is kept.
  std::uint64_t available_bytes() const;

 private:
  const SharedFile directory_;
  const std::uint64_t kept_free_bytes_;
};

}  // namespace tidemill::blobs
