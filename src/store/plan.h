// What a transaction will write, worked out before anything is written: implementations of Store
// share it, so that versions and conflicts mean the same everywhere.
#pragma once

#include <functional>

#include "store/store.h"

namespace tidemill::store {

// A key as it is before an operation.
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
  Transaction::IndexKeys index_keys;  // all that the key has afterwards

  bool is_append() const { return operation->kind == Transaction::Operation::Kind::append; }
};

using Lookup = std::function<Result<Current>(const std::string& table, const std::string& key)>;

// Operations apply in order: each sees the key as the ones before it left it.
// An append is planned without a key: the store assigns it when it writes.
// Tidemill.Conflict when a version is not the expected one.
Result<std::vector<PlannedWrite>> plan(const Transaction& transaction, const Lookup& lookup);

}  // namespace tidemill::store
