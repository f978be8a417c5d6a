// Group commit: many threads that each need a file synced share one system call.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

// Thread-safe. There is no committer thread: the first waiter of a group becomes its leader and
// syncs for all who joined while the group before was being synced.
class GroupSync {
 public:
  enum class Kind { data, directory };
  explicit GroupSync(Kind kind) : kind_(kind) {}

  // Returns after a sync of `file` that began after this call. What was written before the call is
  // then durable.
  Result<void> sync(const SharedFile& file);

 private:
  struct Group {
    struct Entry {
      SharedFile file;
      int error_number = 0;
    };
    std::vector<Entry> entries;
    bool done = false;
    // One for each group, so that the end of a sync wakes those it was for and one that goes on.
    std::condition_variable changed;
  };

  void lead(Group& group) const;

  const Kind kind_;
  std::mutex mutex_;
  // Shared: leader and followers look at the result after the next group has begun.
  std::shared_ptr<Group> gathering_ = std::make_shared<Group>();  // guarded by mutex_
  bool syncing_ = false;                                          // guarded by mutex_
};

}  // namespace tidemill::blobs
