// Which transactions are steps of a deletion: of all writes only those go on when the disk is full.
#pragma once

namespace tidemill::store {

// Transactions that this thread makes while it lives free space (Transaction::frees_space()), also
// those that only change a record: DeleteRolePolicy, DeleteObjectTagging.
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
