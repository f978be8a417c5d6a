// How a registration "tell me when that one ends" lies in the store.
#pragma once

#include "engine/engine.h"
#include "store/table.h"

namespace tidemill::engine {

struct WaitRecord {
  std::string machine, record_key;  // of the record that waits
  Wait wait;
};
BOOST_DESCRIBE_STRUCT(Wait, (), (machine, key, event, id))
BOOST_DESCRIBE_STRUCT(WaitRecord, (), (machine, record_key, wait))

// Index "by_waiter": machine, record.
const store::Table<WaitRecord>& wait_table();

// Begins with the record that is waited for.
std::string wait_key(const WaitRecord& record);
// Prefix of all waits for a record.
std::string waits_prefix(std::string_view machine, std::string_view key);

}  // namespace tidemill::engine
