// What this machine grants to jobs, found out by trying.
#pragma once

#include <functional>
#include <string>

namespace tidemill::compute {

// Says it as an Isolation in JSON; the process is of no use for anything else afterwards. Returns
// its exit code.
int probe(const std::function<void(std::string)>& answer);

}  // namespace tidemill::compute
