// The server's doors in the networks of isolated jobs.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "runtime/network_namespace.h"

namespace tidemill::compute {

// Thread-safe.
class JobDoors {
 public:
  virtual ~JobDoors() = default;
  // Makes the server listen for its API inside `network`, on `port` of the loopback interface.
  // Called before the job starts, and after a restart.
  virtual Result<void> open(const std::string& job, const runtime::NetworkNamespace& network,
                            std::uint16_t port) = 0;
  // Called when the job is over. Idempotent.
  virtual void close(const std::string& job) = 0;
};

}  // namespace tidemill::compute
