// Plans a transaction's writes before anything is written. All implementations of Store share it,
// so that versions and conflicts mean the same everywhere.
#pragma once

#include <functional>

#include "store/store.h"

namespace tidemill::store {

// The state of a key before an operation.
struct Current {
  std::uint64_t version = 0;  // 0: absent
  Transaction::IndexKeys index_keys;
};

struct PlannedWrite {
  const Transaction::Operation* operation;  // put or erase; borrowed from the transaction
  std::uint64_t old_version = 0;
  std::uint64_t new_version = 0;  // 0 for erase
  // Sorted, without duplicates.
  Transaction::IndexKeys index_keys_removed;
  Transaction::IndexKeys index_keys_added;
  Transaction::IndexKeys index_keys;  // all index keys after the operation

  bool is_append() const { return operation->kind == Transaction::Operation::Kind::append; }
};

using Lookup = std::function<Result<Current>(const std::string& table, const std::string& key)>;

// Applies operations in order: each sees the key as left by the earlier ones. An append is planned
// without a key, which the store assigns when it writes. Tidemill.Conflict when a version is not
// the expected one.
Result<std::vector<PlannedWrite>> plan(const Transaction& transaction, const Lookup& lookup);

}  // namespace tidemill::store
