// How a task that is to be run lies in the store.
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
  // By the engine's clock for durations, which may differ from the wall clock's time.
  Timestamp created;
  Timestamp due;
};
TIDEMILL_RECORD(TaskRecord, (), (machine, record_key, type, payload, attempt, created, due))

// Index "by_due".
const store::Table<TaskRecord>& task_table();

// Machine, record, then the version of the record whose transition made the task and its place
// among that step's tasks: the tasks of a record order as they were made. The token keeps the tasks
// of an erased record apart from those of a new one with the same key.
std::string task_key(std::string_view machine, std::string_view record_key, std::uint64_t version,
                     std::size_t place, std::uint64_t token);
// Prefix of the keys of all tasks of a record.
std::string task_prefix(std::string_view machine, std::string_view record_key);
// Orders as the time does.
std::string due_index_key(Timestamp due);

}  // namespace tidemill::engine
