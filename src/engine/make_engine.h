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

}  // namespace tidemill::engine
