// The outbox's records in the store.
#pragma once

#include <string>

#include "engine/published_event.h"
#include "store/table.h"

namespace tidemill::engine {

// Grows by Transaction::append; keys are positions.
inline constexpr const char* kOutboxTable = "engine_outbox";

struct ReaderRecord {
  std::uint64_t position = 0;
};
BOOST_DESCRIBE_STRUCT(ReaderRecord, (), (position))

// Key: the reader's name.
const store::Table<ReaderRecord>& reader_table();

// The event's text in the store: to_json(event), written without the Value in between, because
// every transaction that publishes pays for it.
std::string event_text(const PublishedEvent& event);

}  // namespace tidemill::engine
