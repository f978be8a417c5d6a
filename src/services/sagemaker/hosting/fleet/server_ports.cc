#include "services/sagemaker/hosting/fleet/server_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace tidemill::services::sagemaker::hosting {
namespace {

// Below are those of well-known services.
constexpr int kPortMin = 10'000;
constexpr int kPortMax = 65'535;
// Fewer are not worth having for themselves.
constexpr int kPortsMin = 1'000;
constexpr int kPortsMax = 16'384;
// Linux's default.
constexpr PortRange kConnectionPortsDefault{32'768, 60'999};

// `beside_old_connections`: also while the kernel remembers connections that ended on it.
bool can_bind(std::uint16_t port, bool beside_old_connections) {
  const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return false;
  const int reuse = beside_old_connections ? 1 : 0;
  ::setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const bool bound = ::bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(probe);
  return bound;
}

}  // namespace

PortRange ports_beside(PortRange of_connections) {
  const PortRange below{std::max(kPortMin, of_connections.first - kPortsMax),
                        of_connections.first - 1};
  if (below.last - below.first >= kPortsMin) return below;
  const PortRange above{std::max(kPortMin, of_connections.last + 1), kPortMax};
  if (above.last - above.first >= kPortsMin) return above;
  return {kPortMin, kPortMax};  // connections may have any
}

PortRange ports_of_this_machine() {
  PortRange of_connections;
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  if (!(file >> of_connections.first >> of_connections.last))
    of_connections = kConnectionPortsDefault;
  return ports_beside(of_connections);
}

bool ServerPorts::is_listened_on(std::uint16_t port) { return !can_bind(port, true); }

Result<std::uint16_t> ServerPorts::take() {
  const auto count = std::uint64_t(range_.last - range_.first + 1);
  std::lock_guard lock(mutex_);
  // From a place of its own each time: other servers on this machine draw from the same range.
  const std::uint64_t from = random_.next() % count;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto port = std::uint16_t(std::uint64_t(range_.first) + (from + i) % count);
    if (taken_.contains(port) || !can_bind(port, false)) continue;
    taken_.insert(port);
    return port;
  }
  return fail(codes::kIo, "no port from " + std::to_string(range_.first) + " to " +
                              std::to_string(range_.last) + " of the loopback interface is free");
}

void ServerPorts::keep(std::uint16_t port) {
  std::lock_guard lock(mutex_);
  taken_.insert(port);
}

void ServerPorts::give_back(std::uint16_t port) {
  std::lock_guard lock(mutex_);
  taken_.erase(port);
}

}  // namespace tidemill::services::sagemaker::hosting
