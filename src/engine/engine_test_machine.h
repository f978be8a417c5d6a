// A small machine for the tests: a counter that grows by events and does work through tasks.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "store/table.h"

namespace tidemill::engine {

struct Counter {
  std::string state;
  std::int64_t value = 0;
  std::vector<std::string> applied;  // what each event left
};
BOOST_DESCRIBE_STRUCT(Counter, (), (state, value, applied))

inline const store::Table<Counter>& counter_table() {
  static const store::Table<Counter> table("counters",
                                           {{"by_state", [](const Counter& counter) {
                                               return std::vector<std::string>{counter.state};
                                             }}});
  return table;
}

inline std::vector<store::TableSpec> test_tables() {
  std::vector<store::TableSpec> tables = engine_tables();
  tables.push_back(counter_table().spec());
  return tables;
}

inline Value payload_of(std::string_view name, std::string_view text) {
  ValueObject object;
  object.set(name, text);
  return object;
}

// "Add": value + 1. "Run" {name}: makes the task `name`. "Later" {name}: the same in an hour.
// "TaskFailed": state failed. "Stop": state stopped, after which nothing applies. "Broken": an
// error.
inline Result<std::optional<Step<Counter>>> count(const Counter& counter, const Event& event,
                                                  Timestamp) {
  if (counter.state == "stopped") return std::optional<Step<Counter>>();
  Step<Counter> step{counter};
  step.next.applied.push_back(event.type + " " + text_of(event.payload, "name"));
  if (event.type == "Add") {
    ++step.next.value;
  } else if (event.type == "Run") {
    step.tasks.push_back({text_of(event.payload, "name"), event.payload});
  } else if (event.type == "Later") {
    step.tasks.push_back({text_of(event.payload, "name"), event.payload, std::chrono::hours(1)});
  } else if (event.type == "TaskFailed") {
    step.next.state =
        "failed " + text_of(event.payload, "task") + ": " + text_of(event.payload, "message");
  } else if (event.type == "Stop") {
    step.next.state = "stopped";
  } else {
    return fail(codes::kInvalid, "a counter knows no " + event.type);
  }
  return std::optional(std::move(step));
}

// Handlers by task type; a type without one answers with the event Add. Thread-safe.
class Handlers {
 public:
  using Handler = std::function<TaskResult(const Counter&, const TaskRun&)>;
  void on(std::string type, Handler handler) { handlers_[std::move(type)] = std::move(handler); }
  TaskResult operator()(const Counter& counter, const TaskRun& run) const {
    const auto handler = handlers_.find(run.type);
    if (handler != handlers_.end()) return handler->second(counter, run);
    return std::vector<Event>{{"Add", {}}};
  }

 private:
  std::map<std::string, Handler> handlers_;
};

}  // namespace tidemill::engine
