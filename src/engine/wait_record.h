// The record of a wait for another record's end.
#pragma once

#include "engine/engine.h"
#include "store/table.h"

namespace tidemill::engine {

struct WaitRecord {
  std::string machine, record_key;  // the waiting record
  Wait wait;
};
BOOST_DESCRIBE_STRUCT(Wait, (), (machine, key, event, id))
BOOST_DESCRIBE_STRUCT(WaitRecord, (), (machine, record_key, wait))

std::string_view invariant(const WaitRecord& wait);

// Index "by_waiter": machine, record.
const store::Table<WaitRecord>& wait_table();

// Begins with the record that the wait is for.
std::string wait_key(const WaitRecord& record);
// Prefix of all waits for a record.
std::string waits_prefix(std::string_view machine, std::string_view key);

}  // namespace tidemill::engine
