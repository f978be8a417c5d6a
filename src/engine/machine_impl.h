// The template behind make_machine (engine/engine.h).
#pragma once

#include "engine/engine.h"

namespace tidemill::engine {

template <class Record, class Transition, class RunTask>
Machine make_machine(std::string name, const store::Table<Record>& table, Transition transition,
                     RunTask run_task, RetryPolicy retry) {
  Machine machine;
  machine.name = std::move(name);
  machine.table = table.spec();
  machine.transition = [&table, transition = std::move(transition)](
                           std::string_view key, std::string_view text, const Event& event,
                           Timestamp now) -> Result<std::optional<Machine::Outcome>> {
    Record record = TRY(store::read_record<Record>(table.name(), key, text));
    std::optional<Step<Record>> step = TRY(transition(record, event, now));
    if (!step) return std::optional<Machine::Outcome>();
    return std::optional(Machine::Outcome{to_json(table.checked(key, step->next)),
                                          table.index_keys(step->next), std::move(step->tasks),
                                          std::move(step->published), std::move(step->waits)});
  };
  machine.run_task = [&table, run_task = std::move(run_task)](const TaskRun& run) -> TaskResult {
    Record record = TRY(store::read_record<Record>(table.name(), run.key, run.record));
    return run_task(record, run);
  };
  machine.retry = retry;
  return machine;
}

}  // namespace tidemill::engine
