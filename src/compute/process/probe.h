// Finds out by trying which isolation this machine grants to jobs.
#pragma once

#include <functional>
#include <string>

namespace tidemill::compute {

// Answers with an Isolation in JSON and returns the exit code; the process cannot be used for
// anything else afterwards.
int probe(const std::function<void(std::string)>& answer);

}  // namespace tidemill::compute
