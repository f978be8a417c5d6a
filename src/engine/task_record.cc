#include "engine/task_record.h"

#include <fmt/format.h>

#include "engine/outbox.h"
#include "engine/wait_record.h"

namespace tidemill::engine {

TIDEMILL_RECORD_CODEC(TaskRecord)

TIDEMILL_RECORD_CODEC(TaskFailure)

const store::Table<TaskRecord>& task_table() {
  static const store::Table<TaskRecord> table(
      "engine_tasks",
      {{"by_due",
        [](const TaskRecord& task) { return std::vector<std::string>{due_index_key(task.due)}; }}},
      &invariant);
  return table;
}

std::string_view invariant(const TaskRecord& task) {
  if (task.machine.empty() || task.type.empty()) return "a task must have a machine and a type";
  return task.attempt >= 1 ? "" : "a task's attempt must be at least 1";
}

std::string_view invariant(const WaitRecord& wait) {
  if (wait.machine.empty() || wait.wait.machine.empty()) return "a wait must name both machines";
  return wait.wait.event.empty() ? "a wait must name the event that ends it" : "";
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
  // Times before 1970 are always due.
  return fmt::format("{:016x}",
                     static_cast<std::uint64_t>(std::max<std::int64_t>(due.microseconds, 0)));
}

const store::Table<WaitRecord>& wait_table() {
  static const store::Table<WaitRecord> table(
      "engine_waits",
      {{"by_waiter",
        [](const WaitRecord& record) {
          return std::vector<std::string>{store::key({record.machine, record.record_key, ""})};
        }}},
      &invariant);
  return table;
}

std::string wait_key(const WaitRecord& record) {
  return store::key(
      {record.wait.machine, record.wait.key, record.machine, record.record_key, record.wait.id});
}

std::string waits_prefix(std::string_view machine, std::string_view key) {
  return store::key({machine, key, ""});
}

std::vector<store::TableSpec> engine_tables() {
  std::vector<store::TableSpec> tables = outbox_tables();
  tables.push_back(task_table().spec());
  tables.push_back(wait_table().spec());
  return tables;
}

}  // namespace tidemill::engine
