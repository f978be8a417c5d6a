// Ports of the loopback interface for model servers that know nothing else: given to one at a time.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>

#include "base/error.h"
#include "base/random.h"

namespace tidemill::services::sagemaker::hosting {

struct PortRange {
  int first = 0, last = 0;
};

// The ports of servers on a machine whose kernel gives connections ports out of [first, last]. No
// connection can take one of them between our check of it and the server's own bind.
PortRange ports_beside(PortRange of_connections);
// The same for this machine, from /proc/sys/net/ipv4/ip_local_port_range.
PortRange ports_of_this_machine();

// Thread-safe.
class ServerPorts {
 public:
  explicit ServerPorts(Random& random, PortRange range = ports_of_this_machine())
      : random_(random), range_(range) {}

  // One that nobody listens on, and that is not taken until it is given back.
  Result<std::uint16_t> take();
  // One that a server has already, as after a restart.
  void keep(std::uint16_t port);
  void give_back(std::uint16_t port);

  // Somebody on this machine listens on it now.
  static bool is_listened_on(std::uint16_t port);

 private:
  Random& random_;
  const PortRange range_;
  std::mutex mutex_;
  std::set<std::uint16_t> taken_;  // guarded by mutex_
};

}  // namespace tidemill::services::sagemaker::hosting
