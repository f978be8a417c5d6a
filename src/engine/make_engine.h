// Makes an engine with a separate clock for deadlines.
#pragma once

#include "engine/engine.h"

namespace tidemill::engine {

// Transitions and records use the time of `clock`. Timers and retries are due by `durations`
// (base/boot_clock.h), so that a step of the wall clock neither fires nor delays them. Borrows all
// four. `hidden_folder` is removed from the TaskFailures that records get.
std::unique_ptr<Engine> make_engine(store::Store& store, Clock& clock, const Clock& durations,
                                    Random& random, EngineOptions options = {},
                                    std::string hidden_folder = {});

// For an engine with EngineOptions::workers_max 0, which runs nothing by itself: runs one
// due task on the caller's thread, selected by `choice` modulo the number of ready tasks.
// False when none is due. A simulation drives the engine with it, so that a seed repeats a
// history.
bool run_one(Engine& engine, std::uint64_t choice);

}  // namespace tidemill::engine
