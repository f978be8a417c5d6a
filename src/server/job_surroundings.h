// What every isolated job is told, besides what its resource says: how clients that call AWS's own
// host names reach this server (docs/transparent-mode.md), since in the job's network there is
// nothing else.
#pragma once

#include <filesystem>

#include "compute/compute.h"

namespace tidemill::server {

// Variables that the job's own environment has already stay. A job without a door to this server,
// or in the host's network, is left as it is.
void add_transparent_mode(compute::JobSpec& job, const std::filesystem::path& data);

}  // namespace tidemill::server
