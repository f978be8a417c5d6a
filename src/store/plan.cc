#include "store/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace tidemill::store {

namespace {

using Operation = Transaction::Operation;

Transaction::IndexKeys difference(const Transaction::IndexKeys& from,
                                  const Transaction::IndexKeys& without) {
  Transaction::IndexKeys out;
  std::ranges::set_difference(from, without, std::back_inserter(out));
  return out;
}

Transaction::IndexKeys sorted_unique(Transaction::IndexKeys keys) {
  std::ranges::sort(keys);
  const auto tail = std::ranges::unique(keys);
  keys.erase(tail.begin(), tail.end());
  return keys;
}

// The state that earlier operations of the same transaction left. Transactions are short: a linear
// look is quicker than a map, and only done when the transaction has several operations.
std::optional<Current> left_by_earlier(const std::vector<PlannedWrite>& writes,
                                       const Operation& operation) {
  for (auto write = writes.rbegin(); write != writes.rend(); ++write) {
    if (!write->is_append() && write->operation->key == operation.key &&
        write->operation->table == operation.table) {
      return Current{write->new_version, write->index_keys};
    }
  }
  return std::nullopt;
}

std::unexpected<Error> conflict(const Operation& operation, std::uint64_t actual) {
  return fail(codes::kConflict,
              fmt::format("table {}: key '{}' is at version {}, not {} (0: absent)",
                          operation.table, operation.key, actual, *operation.expected_version));
}

}  // namespace

Result<std::vector<PlannedWrite>> plan(const Transaction& transaction, const Lookup& lookup) {
  std::vector<PlannedWrite> writes;
  writes.reserve(transaction.operations().size());
  for (const Operation& operation : transaction.operations()) {
    if (operation.kind == Operation::Kind::append) {
      writes.push_back({.operation = &operation, .new_version = 1});
      continue;
    }
    std::optional<Current> current = left_by_earlier(writes, operation);
    if (!current) current = TRY(lookup(operation.table, operation.key));
    if (operation.expected_version && *operation.expected_version != current->version) {
      return conflict(operation, current->version);
    }
    if (operation.kind == Operation::Kind::expect) continue;
    PlannedWrite write{&operation, current->version};
    if (operation.kind == Operation::Kind::put) {
      write.new_version = current->version + 1;
      write.index_keys = sorted_unique(operation.index_keys);
    }
    write.index_keys_removed = difference(current->index_keys, write.index_keys);
    write.index_keys_added = difference(write.index_keys, current->index_keys);
    writes.push_back(std::move(write));
  }
  return writes;
}

}  // namespace tidemill::store
