#include "engine/task_record.h"

#include <fmt/format.h>

namespace tidemill::engine {

TIDEMILL_RECORD_CODEC(TaskRecord)

TIDEMILL_RECORD_CODEC(TaskFailure)

const store::Table<TaskRecord>& task_table() {
  static const store::Table<TaskRecord> table(
      "engine_tasks", {{"by_due", [](const TaskRecord& task) {
                          return std::vector<std::string>{due_index_key(task.due)};
                        }}});
  return table;
}

std::string task_key(std::string_view machine, std::string_view record_key, std::uint64_t version,
                     std::size_t place, std::uint64_t token) {
  return store::key(
      {machine, record_key, fmt::format("{:012x}-{:04x}-{:016x}", version, place, token)});
}

std::string task_prefix(std::string_view machine, std::string_view record_key) {
  return store::key({machine, record_key, ""});
}

std::string due_index_key(Timestamp due) {
  // Times before 1970 are due in any case.
  return fmt::format("{:016x}",
                     static_cast<std::uint64_t>(std::max<std::int64_t>(due.microseconds, 0)));
}

std::vector<store::TableSpec> engine_tables() { return {task_table().spec()}; }

}  // namespace tidemill::engine
