// Runs short work on untrusted bytes in a separate process that can do little harm.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tidemill::compute {

struct Confinement {
  std::string folder;  // the only folder of the server that the work can read
  std::uint64_t memory_bytes_max = 0;
  std::uint64_t cpu_seconds_max = 0;
};

// Runs `work` with the folder's path in a child process and returns its exit code; if a signal
// ended the child, the caller ends by the same signal. As root the child is a user that owns
// nothing, in its own namespaces: no network, no other processes, and only an empty /tmp to write
// to. Without root the limits and the system call filter remain. For single-threaded processes that
// do nothing else.
int run_confined(const Confinement& confinement,
                 const std::function<int(const std::string& folder)>& work);

}  // namespace tidemill::compute
