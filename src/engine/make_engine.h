// The engine with a clock of its own for deadlines.
#pragma once

#include "engine/engine.h"

namespace tidemill::engine {

// `clock` is the time that transitions are told and records show. Timers and retries are due by
// `durations` (base/boot_clock.h), so that a step of the wall clock neither fires nor delays them.
// Borrows all four. `hidden_folder` does not appear in the TaskFailures that records are told.
std::unique_ptr<Engine> make_engine(store::Store& store, Clock& clock, const Clock& durations,
                                    Random& random, EngineOptions options = {},
                                    std::string hidden_folder = {});

// Of an engine with EngineOptions::workers_max 0, which runs nothing by itself: runs one task that
// is due, on the caller's thread. Of several that are ready, `choice` modulo their number says
// which. False when none is. A simulation drives the engine with it, so that a seed repeats a
// history.
bool run_one(Engine& engine, std::uint64_t choice);

}  // namespace tidemill::engine
