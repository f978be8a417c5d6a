// Conditions that must hold for a record when it is written, asserted in release builds as well:
// a broken one is an error of this program, and the server ends before the record is stored.
//
//   // "" when it holds, else what is wrong.
//   std::string_view invariant(const Bucket& bucket);
//   ...
//   static const store::Table<Bucket> table("s3_buckets", {}, &invariant);
//
// Table::put() and the steps of state machines check it. A caller of Engine::create(), which takes
// a record's text, calls Table::checked() itself.
//
// An invariant says only what no request and no older record can break: the program's own promises,
// not limits of input, and nothing about the order of times of the wall clock.
#pragma once

#include <string_view>

namespace tidemill::store {

// Names table, key and reason in the log, and aborts.
[[noreturn]] void end_with_broken_invariant(std::string_view table, std::string_view key,
                                            std::string_view reason);

}  // namespace tidemill::store
