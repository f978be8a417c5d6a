// A machine's transitions as a table: which event, from which states, by which function.
//
//   struct Prepared { static constexpr const char* kType = "Prepared"; };
//   struct JobExited { static constexpr const char* kType = "JobExited"; std::string compute_id; };
//
//   using Table = engine::Transitions<TrainingJob, TrainingPhase>;
//   static const Table table("a training job", &TrainingJob::phase,
//                            {Table::on<Prepared>({TrainingPhase::preparing}, &prepared),
//                             Table::on<JobExited>({TrainingPhase::training}, &exited)});
//
// Give the table to make_machine as its transition. An event that comes in no state of its row is
// stale; one without a row is an error.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdlib>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include "base/log.h"
#include "engine/engine.h"

namespace tidemill::engine {

// A described struct that is an event's payload; kType is what stands in the store.
template <class T>
concept EventType = requires {
  { T::kType } -> std::convertible_to<const char*>;
};

template <EventType T>
Event event_of(const T& payload) {
  using tidemill::to_value;  // the codecs of this namespace's records hide it
  return {T::kType, to_value(payload)};
}

// What a task returns: these events for its own record.
template <EventType... T>
TaskResult events_of(const T&... payloads) {
  return std::vector<Event>{event_of(payloads)...};
}

template <class Record, class State>
class Transitions {
 public:
  using Next = std::optional<Step<Record>>;

  struct Row {
    const char* type;
    std::vector<State> from;  // empty: every state
    std::function<Result<Next>(const Record&, const Value& payload, Timestamp now)> apply;
  };

  // function: Next or Result<Next> of (const Record& or Record, const E&, Timestamp). Pure; nullopt
  // says that the event is stale for another reason than the state.
  template <EventType E, class Function>
  static Row on(std::initializer_list<State> from, Function function) {
    return {E::kType, from,
            [function](const Record& record, const Value& payload, Timestamp now) -> Result<Next> {
              E event{};
              // Events without members come with no payload at all, too.
              using tidemill::from_value;
              if (!payload.is_null()) TRY(from_value(payload, event));
              return function(record, std::as_const(event), now);
            }};
  }
  // In every state.
  template <EventType E, class Function>
  static Row on_any(Function function) {
    return on<E>({}, std::move(function));
  }

  // `what`: of error messages. A second row for an event aborts: there would be two answers.
  Transitions(std::string what, State Record::* state, std::vector<Row> rows)
      : what_(std::move(what)), state_(state) {
    for (Row& row : rows) {
      const std::string type = row.type;
      if (rows_.emplace(type, std::move(row)).second) continue;
      log::error("a transition is registered twice", {{"event", type}});
      std::abort();
    }
  }

  Result<Next> operator()(const Record& record, const Event& event, Timestamp now) const {
    const auto row = rows_.find(event.type);
    if (row == rows_.end())
      return fail(codes::kInvalid, what_ + " does not know the event " + event.type);
    const std::vector<State>& from = row->second.from;
    if (!from.empty() && std::ranges::find(from, record.*state_) == from.end()) return Next();
    return row->second.apply(record, event.payload, now);
  }

 private:
  std::string what_;
  State Record::* state_;
  std::map<std::string, Row> rows_;
};

}  // namespace tidemill::engine
