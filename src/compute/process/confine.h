// Short work on untrusted bytes in a process of its own that can do little harm.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace tidemill::compute {

struct Confinement {
  std::string folder;  // the only one of the server's that the work can read
  std::uint64_t memory_bytes_max = 0;
  std::uint64_t cpu_seconds_max = 0;
};

// Runs `work` in a child process, with the folder's path there, and returns its exit code; ends by
// the child's signal when one ended it. As root the child is a user that owns nothing, in
// namespaces of its own: no network, no other processes, nothing to write to but an empty /tmp.
// Without root the limits and the system call filter remain. For processes of one thread that do
// nothing else.
int run_confined(const Confinement& confinement,
                 const std::function<int(const std::string& folder)>& work);

}  // namespace tidemill::compute
