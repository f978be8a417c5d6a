// Marks transactions as steps of a deletion: only those are written when the disk is full.
#pragma once

namespace tidemill::store {

// While it lives, this thread's transactions free space (Transaction::frees_space()), even those
// that only change a record: DeleteRolePolicy, DeleteObjectTagging.
class DeletionScope {
 public:
  explicit DeletionScope(bool deletes);
  ~DeletionScope();
  DeletionScope(const DeletionScope&) = delete;
  DeletionScope& operator=(const DeletionScope&) = delete;
  static bool active();

 private:
  const bool outer_;
};

}  // namespace tidemill::store
