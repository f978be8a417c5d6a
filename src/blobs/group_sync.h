// Group commit: threads that each need a file synced share one system call.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "blobs/file_descriptor.h"

namespace tidemill::blobs {

// Thread-safe. There is no committer thread: the first waiter of a group becomes its leader and
// syncs for all threads that joined while the previous group was being synced.
class GroupSync {
 public:
  enum class Kind { data, directory };
  explicit GroupSync(Kind kind) : kind_(kind) {}

  // Returns after a sync of `file` that began after this call, so that everything written before
  // the call is durable.
  Result<void> sync(const SharedFile& file);

 private:
  struct Group {
    struct Entry {
      SharedFile file;
      int error_number = 0;
    };
    std::vector<Entry> entries;
    bool done = false;
    // One per group: the end of a sync wakes its own waiters and one thread that leads the next.
    std::condition_variable changed;
  };

  void lead(Group& group) const;

  const Kind kind_;
  std::mutex mutex_;
  // Shared: leader and followers read the result after the next group has begun.
  std::shared_ptr<Group> gathering_ = std::make_shared<Group>();  // guarded by mutex_
  bool syncing_ = false;                                          // guarded by mutex_
};

}  // namespace tidemill::blobs
