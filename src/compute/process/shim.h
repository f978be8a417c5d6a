// The small process next to each job that outlives the server: it starts the job, holds its output,
// times its stop, and records how it ended. `tidemill shim --directory D`.
#pragma once

#include <string>
#include <vector>

namespace tidemill::compute {

// Call from main() before anything else when argv[1] is "shim"; argc and argv are main's. Returns
// the process's exit code. Expects the descriptors below, which spawn_shim() passes.
int shim_main(int argc, char** argv);

inline constexpr int kShimLockDescriptor = 3;     // the locked lock file
inline constexpr int kShimAnswerDescriptor = 4;   // one line: "started" or the error
inline constexpr int kShimNetworkDescriptor = 5;  // an isolated job's network namespace

}  // namespace tidemill::compute
