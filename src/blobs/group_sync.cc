#include "blobs/group_sync.h"

#include "base/crash_point.h"

#include <unistd.h>

#include <cerrno>

namespace tidemill::blobs {

Result<void> GroupSync::sync(const SharedFile& file) {
  std::unique_lock lock(mutex_);
  std::shared_ptr<Group> group = gathering_;
  std::size_t index = 0;
  while (index < group->entries.size() && group->entries[index].file != file) ++index;
  if (index == group->entries.size()) group->entries.push_back({file});

  group->changed.wait(lock, [&] { return group->done || !syncing_; });
  if (!group->done) {
    syncing_ = true;
    gathering_ = std::make_shared<Group>();
    lock.unlock();
    lead(*group);
    lock.lock();
    group->done = true;
    syncing_ = false;
    std::shared_ptr<Group> next = gathering_;
    lock.unlock();
    next->changed.notify_one();
    group->changed.notify_all();
  }
  // Entries no longer change once the group is done.
  if (int error_number = group->entries[index].error_number)
    return fail(system_error("sync", "blob files", error_number));
  return {};
}

void GroupSync::lead(Group& group) const {
  for (Group::Entry& entry : group.entries) {
    int result = 0;
    crash_point();
    do result = kind_ == Kind::data ? ::fdatasync(entry.file->get()) : ::fsync(entry.file->get());
    while (result != 0 && errno == EINTR);
    if (result != 0) entry.error_number = errno;
  }
}

}  // namespace tidemill::blobs
