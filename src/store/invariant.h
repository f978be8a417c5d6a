// Conditions that must hold for a record when it is written, asserted in release builds as well:
// a broken one is an error of this program, and the server ends before the record is stored.
//
//   // "" when it holds, else what is wrong.
//   std::string_view invariant(const Bucket& bucket);
//   ...
//   buckets().put(transaction, key, store::checked(buckets(), key, bucket), version);
//
// An invariant says only what no request and no older record can break: the program's own promises,
// not limits of input, and nothing about the order of times of the wall clock.
#pragma once

#include <string_view>

#include "store/table.h"

namespace tidemill::store {

// Names table, key and reason in the log, and aborts.
[[noreturn]] void end_with_broken_invariant(std::string_view table, std::string_view key,
                                            std::string_view reason);

// The record, whose invariant (found in its own namespace) holds.
template <class Record>
const Record& checked(const Table<Record>& table, std::string_view key, const Record& record) {
  if (const std::string_view reason = invariant(record); !reason.empty()) [[unlikely]]
    end_with_broken_invariant(table.name(), key, reason);
  return record;
}

}  // namespace tidemill::store
