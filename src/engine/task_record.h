// A pending task's record in the store.
#pragma once

#include "base/clock.h"
#include "engine/engine.h"
#include "store/table.h"

namespace tidemill::engine {

struct TaskRecord {
  std::string machine;
  std::string record_key;
  std::string type;
  Value payload;
  int attempt = 1;
  // Times of the engine's clock for durations, which may differ from the wall clock.
  Timestamp created;
  Timestamp due;
};
TIDEMILL_RECORD(TaskRecord, (), (machine, record_key, type, payload, attempt, created, due))

std::string_view invariant(const TaskRecord& task);

// Index "by_due".
const store::Table<TaskRecord>& task_table();

// Machine, record, the record's version at the transition that made the task, and the task's place
// in that step: so a record's tasks sort in order of creation. The token separates the tasks of an
// erased record from those of a new one with the same key.
std::string task_key(std::string_view machine, std::string_view record_key, std::uint64_t version,
                     std::size_t place, std::uint64_t token);
// Prefix of the keys of all tasks of a record.
std::string task_prefix(std::string_view machine, std::string_view record_key);
// Sorts like the time.
std::string due_index_key(Timestamp due);

}  // namespace tidemill::engine
